import { setTimeout as delay } from 'node:timers/promises'
import { withSettings } from '@rekey/platform/postgres-settings'
import { connect, type JetStreamManager, type NatsConnection } from 'nats'
import pg from 'pg'
import { mean, quantile } from 'simple-statistics'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import { spreadOf } from '../harness/rounds.ts'

const wantedPerSecond = 5_000
const backlogRows = 1_000_000

/** Adds events of the size of a restore's. */
const addEvents = `
  INSERT INTO outbox (event_id, type, subject, data, created_at)
  SELECT gen_random_uuid(), 'account.identifiers-changed', 'EN' || n % 5000, jsonb_build_object(
    'customer', 'EN' || n % 5000, 'customerId', n, 'changeId', n, 'actor', 'client', 'actorId', 'EN' || n % 5000,
    'clientId', 'ib_localhost', 'channel', 'email', 'ip', '203.0.113.7', 'digest', repeat('0123456789abcdef', 4),
    'sessionEpoch', 1800000000, 'usernames', jsonb_build_array(repeat('sealed-username-', 16))
  ), clock_timestamp()
  FROM generate_series(1, $1::int) AS n`
const stream = 'PASSWORD'

interface Relay {
  contestant: Contestant
  client: pg.Client
  nats: NatsConnection
  jsm: JetStreamManager
}

/** The password-service alone: no other service takes the events. */
const startRelay = async (bench: Bench): Promise<Relay> => {
  const contestant = await bench.ownContestant('relay', { kind: 'ours', options: { smtpUrl: bench.load.smtpUrl } })
  await contestant.call('stop', 'auth-gateway', 'notifier')
  const client = new pg.Client({ connectionString: withSettings(String(contestant.facts.databaseUrl)) })
  await client.connect()
  bench.teardown(() => client.end())
  const nats = await connect({ servers: String(contestant.facts.natsUrl) })
  bench.teardown(() => nats.close())
  return { contestant, client, nats, jsm: await nats.jetstreamManager({ timeout: 10_000 }) }
}

const storedIn = async ({ jsm }: Relay) => (await jsm.streams.info(stream)).state.messages

const clear = async ({ jsm, client, contestant }: Relay) => {
  await jsm.streams.purge(stream)
  await client.query('TRUNCATE outbox')
  await contestant.untilIdle()
}

interface Drained {
  perSecond: number
  /** Resident MiB of the password-service, sampled all the way. */
  residentMiB: number[]
}

/** Adds events in one transaction, and waits until all are stored at the broker. */
const drain = async (relay: Relay, events: number): Promise<Drained> => {
  await clear(relay)
  await relay.client.query('BEGIN')
  await relay.client.query(addEvents, [events])
  const startedMs = performance.now()
  await relay.client.query('COMMIT')
  const residentMiB: number[] = []
  while ((await storedIn(relay)) < events) {
    residentMiB.push(relay.contestant.residentMiB().get('password-service') ?? 0)
    await delay(50)
  }
  return { perSecond: events / ((performance.now() - startedMs) / 1_000), residentMiB }
}

/** Adds events at a rate. @returns milliseconds from the event's time to its storage at the broker, of each */
const delays = async (relay: Relay, rate: number, seconds: number): Promise<number[]> => {
  await clear(relay)
  const startedMs = performance.now()
  let sent = 0
  while (performance.now() - startedMs < seconds * 1_000) {
    const due = Math.floor(((performance.now() - startedMs) / 1_000) * rate) - sent
    if (due > 0) await relay.client.query(addEvents, [due])
    sent += due
    await delay(4)
  }
  while ((await storedIn(relay)) < sent) await delay(20)
  const consumer = await relay.nats.jetstream().consumers.get(stream, {
    filterSubjects: 'account.identifiers-changed',
  })
  const found: number[] = []
  for await (const { info, headers } of await consumer.consume({ max_messages: 10_000 })) {
    found.push(info.timestampNanos / 1e6 - Date.parse(headers?.get('ce-time') ?? ''))
    if (found.length === sent) break
  }
  return found
}

const relayFigures = [
  { name: 'relay-rate', what: 'relay, events/s of a backlog', goal: { atLeast: wantedPerSecond } },
  {
    name: 'relay-lag',
    what: `relay, p99 of milliseconds to the broker at ${wantedPerSecond / 2} events/s`,
    goal: { atMost: 50 },
  },
] satisfies Figure[]

export const relay: Group = {
  name: 'relay',
  what: 'events from the outbox to the broker',
  figures: relayFigures,
  async run(bench: Bench) {
    const relay = await startRelay(bench)
    const events = bench.quick ? 10_000 : 40_000
    await drain(relay, events)
    const rates: number[] = []
    const lags: number[] = []
    for (let round = 0; round < bench.rounds; round += 1) {
      rates.push((await drain(relay, events)).perSecond)
      lags.push(quantile(await delays(relay, wantedPerSecond / 2, bench.quick ? 3 : 10), 0.99))
    }
    return { figures: { 'relay-rate': spreadOf(rates), 'relay-lag': spreadOf(lags) } }
  },
}

const backlogFigures = [
  {
    name: 'backlog-rate',
    what: `events/s of a backlog of ${backlogRows} ÷ those of one of 40,000`,
    goal: { atLeast: 0.9 },
  },
  {
    name: 'backlog-memory',
    what: "password-service's resident memory in the last tenth of that backlog ÷ in the second",
    goal: { atMost: 1.2 },
  },
] satisfies Figure[]

export const backlog: Group = {
  name: 'backlog',
  what: `a backlog of ${backlogRows} events after an outage`,
  figures: backlogFigures,
  long: true,
  async run(bench: Bench) {
    const relay = await startRelay(bench)
    await drain(relay, 40_000)
    const small = await drain(relay, 40_000)
    const { perSecond, residentMiB } = await drain(relay, backlogRows)
    const tenth = Math.max(1, Math.floor(residentMiB.length / 10))
    const growth = mean(residentMiB.slice(-tenth)) / mean(residentMiB.slice(tenth, 2 * tenth))
    bench.say(`${Math.round(small.perSecond)} events/s of 40,000, ${Math.round(perSecond)}/s of ${backlogRows}`)
    return {
      figures: { 'backlog-rate': spreadOf([perSecond / small.perSecond]), 'backlog-memory': spreadOf([growth]) },
    }
  },
}
