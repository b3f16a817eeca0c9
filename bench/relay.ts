import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { withSettings } from '@rekey/platform/postgres-settings'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import { readProcessorTime, untilIdle } from './processor-time.ts'

// node bench/relay.ts [--events N] [--rounds N] [--rate N] [--relays N]: events a second that the relays publish of a backlog,
// the processor time of each part, and the delay of an event while half as many are added. The servers share this
// machine with the load.

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '40000' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2500' },
    seconds: { type: 'string', default: '15' },
    relays: { type: 'string', default: '1' },
  },
})
const events = Number(values.events)
const rate = Number(values.rate)

const cleanups: (() => unknown)[] = []

/** An event of the size that a restore publishes. */
const columns = `event_id, type, subject, data, created_at`
const data = `jsonb_build_object(
  'customer', 'EN' || n % 5000, 'customerId', n, 'changeId', n, 'actor', 'client', 'actorId', 'EN' || n % 5000,
  'clientId', 'ib_localhost', 'channel', 'email', 'ip', '203.0.113.7', 'digest', repeat('0123456789abcdef', 4),
  'sessionEpoch', 1800000000, 'usernames', jsonb_build_array(repeat('sealed-username-', 16))
)`

const quantile = (sorted: number[], share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN

try {
  const service = await startPasswordService({ teardown: (clean) => cleanups.push(clean) }, { privatePostgres: true })
  await service.app.close()
  const client = new pg.Client({ connectionString: withSettings(String(service.variables.DATABASE_URL)) })
  await client.connect()
  cleanups.push(() => client.end())
  await Promise.all(Array.from({ length: Number(values.relays) }, (_, index) => service.startProcess(index + 1)))
  const jsm = await (await service.broker.connected()).jetstreamManager({ timeout: 10_000 })
  const stored = async () => (await jsm.streams.info('PASSWORD')).state.messages
  const add = (count: number) =>
    client.query(
      `INSERT INTO outbox (${columns})
       SELECT gen_random_uuid(), 'account.identifiers-changed', 'EN' || n % 5000, ${data}, clock_timestamp()
       FROM generate_series(1, $1::int) AS n`,
      [count],
    )
  const clear = async () => {
    await jsm.streams.purge('PASSWORD')
    await client.query('TRUNCATE outbox')
  }

  for (let round = 0; round <= Number(values.rounds); round += 1) {
    await clear()
    await untilIdle()
    const before = readProcessorTime()
    await client.query('BEGIN')
    await add(events)
    const added = readProcessorTime()
    const startedMs = performance.now()
    await client.query('COMMIT')
    while ((await stored()) < events) await delay(20)
    const seconds = (performance.now() - startedMs) / 1_000
    await untilIdle()
    const after = readProcessorTime()
    const parts = [...after].map(
      ([part, time]) => [part, Math.round((time - (added.get(part) ?? before.get(part) ?? 0)) / events)] as const,
    )
    const shown = parts.filter(([, time]) => time > 0).map(([part, time]) => `${part} ${time}`)
    const all = parts.reduce((sum, [, time]) => sum + time, 0)
    if (round > 0) console.log(`backlog: ${Math.round(events / seconds)}/s, ${all} µs (${shown.join(', ')})`)
  }

  await clear()
  const everyMs = 4
  const seconds = Number(values.seconds)
  const startedMs = performance.now()
  let sent = 0
  while (performance.now() - startedMs < seconds * 1_000) {
    const due = Math.floor(((performance.now() - startedMs) / 1_000) * rate) - sent
    if (due > 0) await add(due)
    sent += due
    await delay(everyMs)
  }
  while ((await stored()) < sent) await delay(20)
  const nats = await service.broker.connected()
  const consumer = await nats.jetstream().consumers.get('PASSWORD', { filterSubjects: 'account.identifiers-changed' })
  const delays: number[] = []
  for await (const message of await consumer.consume({ max_messages: 10_000 })) {
    const storedAtMs = message.info.timestampNanos / 1e6
    delays.push(storedAtMs - Date.parse(message.headers?.get('ce-time') ?? ''))
    if (delays.length === sent) break
  }
  delays.sort((one, other) => one - other)
  const shown = [0.5, 0.9, 0.99, 1].map((share) => `p${share * 100} ${Math.round(quantile(delays, share))} ms`)
  console.log(`delay at ${Math.round(sent / seconds)}/s: ${shown.join(', ')}`)
} finally {
  for (const clean of cleanups.reverse()) await clean()
}
