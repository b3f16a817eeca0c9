import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t, { type Test } from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consume } from './consumer.ts'
import { health } from './health.ts'
import { createServer } from './server.ts'

const durable = 'test-auth-login-failed'

/** A service with a consumer of one message at a time; the test sets the clock. */
const startService = async (t: Test, { accounts, handle }: { accounts: string[]; handle(): Promise<void> }) => {
  let time = 0
  const parts = await startBroker(t, ['AUTH'], { elapsedMs: () => time })
  const { broker, progress, metrics, deps } = parts
  await eventually(() => broker.check().then(() => true), { what: 'the streams' })
  for (const account of accounts) {
    const data = { account, clientId: 'ib_localhost', ip: '203.0.113.7' }
    await parts.publisher.publish(LoginFailed, { subject: account, data })
  }
  const app = await createServer({ log: deps.log, metrics, random: deps.random, trustedProxies: [] })
  await app.register(health, { checks: { nats: () => broker.check() }, progress })
  t.teardown(() => app.close())
  const consumer = consume(deps, { event: LoginFailed, concurrency: 1, handle })
  t.teardown(() => consumer.close())
  return {
    readiness: async () => {
      const { statusCode, body } = await app.inject('/readyz')
      return { statusCode, ...JSON.parse(body) }
    },
    figure: async (name: string): Promise<number | undefined> =>
      (await metrics.getSingleMetric(`rekey_consumer_${name}`)?.get())?.values.find(
        ({ labels }) => labels.consumer === durable,
      )?.value,
    scrape: () => metrics.metrics(),
    elapse(ms: number) {
      time += ms
    },
  }
}

t.test('a consumer without progress makes its service degraded but not unready', async (t) => {
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { readiness, figure, elapse } = await startService(t, {
    accounts: [...'abcd'],
    handle: () => finished,
  })
  t.teardown(() => finish())
  await eventually(async () => (await figure('unacknowledged_messages')) === 2)
  t.same(await readiness(), { statusCode: 200, status: 'ok', checks: { nats: 'ok' } })
  elapse(15_000)
  t.same(await readiness(), {
    statusCode: 200,
    status: 'degraded',
    checks: { nats: 'ok' },
    degraded: { [`consumer ${durable}`]: '4 waiting, none finished for 15 s' },
  })
  finish()
  await eventually(async () => (await readiness()).status === 'ok')
})

t.test('the metrics include the state of each consumer', async (t) => {
  let isFixed = false
  const { figure, scrape } = await startService(t, {
    accounts: [...'abc'],
    async handle() {
      if (!isFixed) throw new Error('not now')
    },
  })
  await eventually(async () => (await figure('redelivered_messages')) === 3)
  t.equal(await figure('waiting_messages'), 0)
  t.equal(await figure('unacknowledged_messages'), 3)
  await eventually(async () => ((await figure('oldest_age_seconds')) ?? 0) >= 1)
  isFixed = true
  await eventually(async () => (await figure('unacknowledged_messages')) === 0)
  t.equal(await figure('oldest_age_seconds'), 0)
  const text = await scrape()
  for (const name of ['waiting_messages', 'unacknowledged_messages', 'redelivered_messages', 'oldest_age_seconds']) {
    t.match(text, `rekey_consumer_${name}{consumer="${durable}"} 0`)
  }
  t.match(text, `rekey_progress_waiting{part="consumer ${durable}"} 0`)
  t.match(text, 'rekey_dead_letter_messages 0')
})
