import { ChallengeFailed, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/testing/eventually'
import t, { type Test } from 'tap'
import { keepLogs, startStrictBroker } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import { createRecorder } from './recorder.ts'

// Rejected facts take no speed from those behind them: 5,000 good ones behind 1 and behind 100 for which the service
// has no permission, against 5,000 alone.

const good = 5_000
/** Of each the best counts: what disturbs a measurement only slows it down. */
const rounds = 5
const patienceMs = 60_000
const elapsedMs = () => performance.now()

/** Good facts stored in a second, or 0 where not all of them were within a minute. */
const speedBehind = async (t: Test, rejected: number) => {
  const parts = await startStrictBroker(t, [LoginFailed.type])
  const metrics = createMetrics()
  const progress = createProgress({ elapsedMs, metrics })
  const recorder = createRecorder({ ...parts, elapsedMs, metrics, progress, log: keepLogs().log })
  const jsm = await parts.broker.connection().jetstreamManager()
  const stored = async () => (await jsm.streams.info('AUTH')).state.messages
  const startMs = elapsedMs()
  const facts = { clientId: 'ib_localhost', ip: '203.0.113.7' }
  for (let index = 0; index < rejected; index += 1) {
    const account = `account ${index}`
    recorder.record(LoginFailed, { subject: account, data: { account, ...facts } })
  }
  for (let index = 0; index < good; index += 1) {
    const challengeId = `challenge ${index}`
    const data = { challengeId, purpose: 'restore' as const, attempt: 1, ...facts }
    recorder.record(ChallengeFailed, { subject: challengeId, data })
  }
  const isDone = await eventually(async () => (await stored()) === good, { timeoutMs: patienceMs }).catch(() => false)
  const seconds = (elapsedMs() - startMs) / 1_000
  t.comment(`behind ${rejected}: ${await stored()} of ${good} in ${seconds.toFixed(2)} s`)
  await recorder.close()
  return isDone ? good / seconds : 0
}

t.test('5,000 good facts behind 1 and behind 100 rejected ones have at least 90 % of the speed', async (t) => {
  const speeds = new Map<number, number[]>([0, 1, 100].map((rejected) => [rejected, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [rejected, measured] of speeds) measured.push(await speedBehind(t, rejected))
  }
  const of = (rejected: number) => Math.max(...(speeds.get(rejected) ?? []))
  for (const rejected of [0, 1, 100]) t.comment(`behind ${rejected}: ${Math.round(of(rejected))}/s`)
  for (const rejected of [1, 100]) {
    t.ok(of(rejected) >= 0.9 * of(0), `behind ${rejected}: ${Math.round((100 * of(rejected)) / of(0))} %`)
  }
})
