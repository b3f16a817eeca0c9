import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { keepAsking } from '@rekey/test-support/load'
import t from 'tap'
import { startBroker } from './broker.fixture.ts'
import { publishLogin, takeOver } from './consumer.fixture.ts'
import { consume } from './consumer.ts'

t.test('a consumer that is closed during its set-up handles nothing', async (t) => {
  const parts = await startBroker(t)
  await publishLogin(parts, 'a')
  let handled = 0
  const consumer = consume(parts.deps, { event: LoginFailed, concurrency: 1, handle: async () => void handled++ })
  await consumer.close()
  t.same(await takeOver(t, parts, 1), ['a'])
  t.equal(handled, 0)
})

t.test('a consumer closes at once while the broker is unavailable', async (t) => {
  const parts = await startBroker(t)
  const consumer = consume(parts.deps, { event: LoginFailed, concurrency: 8, handle: async () => {} })
  await publishLogin(parts, 'a')
  await parts.nats.kill()
  await eventually(() => parts.logs().includes('broker is unavailable'))
  const started = Date.now()
  await consumer.close()
  await parts.broker.close()
  t.ok(Date.now() - started < 1_500)
})

t.test('messages on their way to a stopping consumer are handled without a redelivery', async (t) => {
  const parts = await startBroker(t)
  const delays: number[] = []
  const start = () =>
    consume(parts.deps, {
      event: LoginFailed,
      concurrency: 64,
      handle: async ({ account }) => void delays.push(Date.now() - Number(account)),
    })
  let published = 0
  let consumer = start()
  t.teardown(() => consumer.close())
  await publishLogin(parts, String(Date.now()))
  await eventually(() => delays.length === 1)
  const crowd = keepAsking(16, async () => {
    await publishLogin(parts, String(Date.now()))
    published += 1
  })
  for (let times = 0; times < 12; times += 1) {
    const seen = delays.length
    await eventually(() => delays.length > seen + 50)
    const stopping = consumer
    consumer = start()
    await stopping.close()
  }
  await crowd.stop()
  await eventually(() => delays.length === published + 1)
  // A message that no instance took would be redelivered after ten seconds.
  t.ok(Math.max(...delays) < 8_000, `the slowest took ${Math.max(...delays)} ms`)
})
