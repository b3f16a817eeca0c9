import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deadLetters, type StreamDefinition, streams } from '@rekey/contracts'
import { startProcesses } from '@rekey/test-support/processes'
import fc from 'fast-check'
import { connect, headers } from 'nats'
import t from 'tap'
import { spelled } from './fuzz/spelling.ts'
import { hostileText, type Schema } from './fuzz/values.ts'
import { startMessageLog } from './message-log.ts'

// The short form of fuzz-events.proof.ts. FUZZ_EVENTS: events of each type. FUZZ_SEED: repeats a run; a failure prints its
// seed.
const perType = Number(process.env.FUZZ_EVENTS ?? 5)
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))

const rekey = await startProcesses(t, { env: { LOG_LEVEL: 'error' } })
const services = { 'auth-gateway': rekey.gateway, 'password-service': rekey.passwordService, notifier: rekey.notifier }
const ended: string[] = []
for (const [name, { exited }] of Object.entries(services)) void exited.then(() => ended.push(name))
const messageLog = await startMessageLog(t, rekey)
const broker = await connect({ servers: rekey.nats.url })
t.teardown(() => broker.close())

/** Text that a NATS header can contain. */
const headerText = hostileText.map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?').trim())
const attributes = fc.record(
  { 'ce-id': headerText, 'ce-subject': headerText, 'ce-time': headerText, traceparent: headerText },
  { requiredKeys: [] },
)

const types = Object.values<StreamDefinition>(streams).flatMap(({ events }) => events)

t.test(`S31 fuzz: ${perType} valid, nearly valid and invalid events of every type crash no service`, async (t) => {
  t.comment(`FUZZ_SEED=${seed}`)
  for (const { type, data } of types) {
    const event = fc.tuple(spelled(data as Schema, {}), attributes)
    for (const [{ body }, given] of fc.sample(event, { seed, numRuns: perType })) {
      const meta = headers()
      for (const [name, value] of Object.entries(given)) meta.set(name, value)
      await broker.jetstream().publish(type, body, { headers: meta })
    }
  }
  await messageLog.allHandled()
  t.same(ended, [], 'no service crashed')
  const manager = await broker.jetstreamManager()
  const { state } = await manager.streams.info(deadLetters.name)
  t.ok(state.messages > 0)
  t.comment(`${types.length * perType} events, of which ${state.messages} became dead letters`)
  const lines = Object.keys(services).flatMap((name) =>
    readFileSync(join(rekey.dataDir, name, 'server.log'), 'utf8')
      .split('\n')
      .filter(Boolean),
  )
  const isExpected = ({ severity, event }: { severity: string; event?: string }) =>
    severity !== 'error' || event === 'dead_letter'
  t.same(
    // Node reports a crash in plain text.
    lines.filter((line) => !line.startsWith('{') || !isExpected(JSON.parse(line))),
    [],
    'no service logged an internal error',
  )
})
