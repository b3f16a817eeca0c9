import { deadLetters, type StreamDefinition, streams } from '@rekey/contracts'
import fc from 'fast-check'
import { connect, headers } from 'nats'
import type { Test } from 'tap'
import { startMessageLog } from '../message-log.ts'
import type { Fuzzed } from './processes.ts'
import { spelled } from './spelling.ts'
import { hostileText, type Schema } from './values.ts'

/** Text that a NATS header can contain. */
const headerText = hostileText.map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?').trim())
const attributes = fc.record(
  { 'ce-id': headerText, 'ce-subject': headerText, 'ce-time': headerText, traceparent: headerText },
  { requiredKeys: [] },
)

const types = Object.values<StreamDefinition>(streams).flatMap(({ events }) => events)

/** Publishes valid, nearly valid and invalid events of every type, and asserts that no service crashes or logs an error. */
export const fuzzEvents = async (
  t: Test,
  { rekey, lines, assertSound }: Fuzzed,
  { perType, seed }: { perType: number; seed: number },
): Promise<void> => {
  t.comment(`FUZZ_SEED=${seed}`)
  const earlier = new Set(lines())
  const messageLog = await startMessageLog(t, rekey)
  const broker = await connect({ servers: rekey.nats.url })
  t.teardown(() => broker.close())
  for (const { type, data } of types) {
    const event = fc.tuple(spelled(data as Schema, {}), attributes)
    for (const [{ body }, given] of fc.sample(event, { seed, numRuns: perType })) {
      const meta = headers()
      for (const [name, value] of Object.entries(given)) meta.set(name, value)
      await broker.jetstream().publish(type, body, { headers: meta })
    }
  }
  await messageLog.allHandled()
  const manager = await broker.jetstreamManager()
  const { state } = await manager.streams.info(deadLetters.name)
  t.ok(state.messages > 0)
  t.comment(`${types.length * perType} events, of which ${state.messages} became dead letters`)
  const added = lines().filter((line) => !earlier.has(line))
  assertSound(t, added, ({ severity, event }) => severity === 'error' && event !== 'dead_letter')
}
