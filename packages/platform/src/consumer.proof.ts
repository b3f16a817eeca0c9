import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { speedShares } from '@rekey/test-support/speed'
import t, { type Test } from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consume } from './consumer.ts'
import { messageOf } from './publisher.ts'

// Failing messages do not slow others down: 20,000 good messages behind 1 and behind 100 that always fail are compared
// with 20,000 alone. Fewer take less than a second, of which the first tries of the failing ones are a tenth.

const good = 20_000
const timeoutMs = 60_000
/** Share of the speed without bad ones. */
const wanted = 0.9

/** Good messages handled per second; 0 if not all were handled within a minute. */
const speedBehind = async (t: Test, bad: number) => {
  const parts = await startBroker(t, ['AUTH'])
  await eventually(() => parts.broker.check().then(() => true))
  const jetstream = parts.broker.connection().jetstream()
  for (let index = 0; index < bad + good; index += 100) {
    const batch = Array.from({ length: Math.min(100, bad + good - index) }, (_, offset) => {
      const account = index + offset < bad ? 'bad' : 'good'
      const event = { subject: account, data: { account, clientId: 'a', ip: '203.0.113.7' } }
      const { data, headers } = messageOf(parts.publisher.event(LoginFailed, event))
      return jetstream.publish(LoginFailed.type, data, { headers })
    })
    await Promise.all(batch)
  }
  let handled = 0
  const startMs = performance.now()
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 64,
    async handle({ account }) {
      if (account === 'bad') throw new Error('not now')
      handled += 1
    },
  })
  const isDone = await eventually(() => handled === good, { timeoutMs, intervalMs: 4 }).catch(() => false)
  const seconds = (performance.now() - startMs) / 1_000
  await consumer.close()
  t.comment(`behind ${bad}: ${handled} of ${good} in ${seconds.toFixed(2)} s`)
  return isDone ? good / seconds : 0
}

t.test('20,000 good messages behind 1 and behind 100 failing ones have at least 90 % of the speed', async (t) => {
  const shares = await speedShares([1, 100], { wanted, measure: (count) => speedBehind(t, count) })
  for (const { bad, perSecond, share } of shares) {
    t.ok(share >= wanted, `behind ${bad}: ${perSecond}/s, ${Math.round(100 * share)} %`)
  }
})

t.test('a failing event becomes a dead letter when it is too old and every step of the backoff was used', async (t) => {
  const { deps, metrics, ...parts } = await startBroker(t, ['AUTH'])
  const data = { account: 'a', clientId: 'ib_localhost', ip: '203.0.113.7' }
  await eventually(() => parts.publisher.publish(LoginFailed, { subject: 'a', data }).then(() => true))
  let attempts = 0
  const consumer = consume(
    { ...deps, retryMs: 60_000 },
    {
      event: LoginFailed,
      concurrency: 8,
      async handle() {
        attempts += 1
        throw new Error('not now')
      },
    },
  )
  t.teardown(() => consumer.close())
  const jsm = await parts.broker.connection().jetstreamManager()
  const letter = await eventually(() => jsm.streams.getMessage('DEAD', { seq: 1 }), { timeoutMs: 120_000 })
  t.equal(letter.header.get('rekey-reason'), 'not now')
  t.equal(attempts, 8)
  t.match(await metrics.metrics(), 'rekey_dead_letters_total{event="auth.login.failed"} 1')
})
