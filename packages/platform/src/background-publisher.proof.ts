import { ChallengeFailed, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { speedShares } from '@rekey/test-support/speed'
import t, { type Test } from 'tap'
import { createBackgroundPublisher } from './background-publisher.ts'
import { keepLogs, startStrictBroker } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'

// Rejected events do not slow others down: 9,900 good events behind 1 and behind 100 without permission are compared with
// 9,900 alone. No more than 10,000 events may wait.

const good = 9_900
const timeoutMs = 60_000
/** Share of the speed without bad ones. */
const wanted = 0.9
const elapsedMs = () => performance.now()

/** Good events stored per second; 0 if not all were stored within a minute. */
const speedBehind = async (t: Test, rejected: number) => {
  const parts = await startStrictBroker(t, [LoginFailed.type])
  const metrics = createMetrics()
  const progress = createProgress({ elapsedMs, metrics })
  const backgroundPublisher = createBackgroundPublisher({
    ...parts,
    elapsedMs,
    metrics,
    progress,
    log: keepLogs(t).log,
  })
  const jsm = await parts.broker.connection().jetstreamManager()
  const stored = async () => (await jsm.streams.info('AUTH')).state.messages
  const startMs = elapsedMs()
  const fields = { clientId: 'ib_localhost', ip: '203.0.113.7' }
  for (let index = 0; index < rejected; index += 1) {
    const account = `account ${index}`
    backgroundPublisher.publish(LoginFailed, { subject: account, data: { account, ...fields } })
  }
  for (let index = 0; index < good; index += 1) {
    const challengeId = `challenge ${index}`
    const data = { challengeId, purpose: 'restore' as const, attempt: 1, ...fields }
    backgroundPublisher.publish(ChallengeFailed, { subject: challengeId, data })
  }
  const isDone = await eventually(async () => (await stored()) === good, { timeoutMs, intervalMs: 4 }).catch(
    () => false,
  )
  const seconds = (elapsedMs() - startMs) / 1_000
  t.comment(`behind ${rejected}: ${await stored()} of ${good} in ${seconds.toFixed(2)} s`)
  await backgroundPublisher.close()
  return isDone ? good / seconds : 0
}

t.test('9,900 good events behind 1 and behind 100 rejected ones have at least 90 % of the speed', async (t) => {
  const shares = await speedShares([1, 100], { wanted, measure: (count) => speedBehind(t, count) })
  for (const { bad, perSecond, share } of shares) {
    t.ok(share >= wanted, `behind ${bad}: ${perSecond}/s, ${Math.round(100 * share)} %`)
  }
})
