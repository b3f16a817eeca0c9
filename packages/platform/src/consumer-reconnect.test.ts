import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startBroker } from './broker.fixture.ts'
import { publishLogin } from './consumer.fixture.ts'
import { consume } from './consumer.ts'

for (const data of ['with', 'without']) {
  t.test(`a consumer continues after the broker was killed and restarted ${data} its data`, async (t) => {
    const parts = await startBroker(t)
    const seen: string[] = []
    const consumer = consume(parts.deps, {
      event: LoginFailed,
      concurrency: 8,
      handle: async ({ account }) => void seen.push(account),
    })
    t.teardown(() => consumer.close())
    await publishLogin(parts, 'before')
    await eventually(() => seen.includes('before'))

    await parts.nats.kill()
    if (data === 'without') parts.forget()
    await parts.nats.restart()
    const back = Date.now()
    await publishLogin(parts, 'after')
    await eventually(() => seen.includes('after'))
    t.ok(Date.now() - back < 5_000, 'within seconds')
  })
}

t.test('a consumer continues on a new connection after the old one was closed for good', async (t) => {
  const parts = await startBroker(t)
  const seen: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }) => void seen.push(account),
  })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'before')
  await eventually(() => seen.includes('before'))
  const connection = await parts.broker.connected()
  await connection.close()
  await eventually(async () => (await parts.broker.connected()) !== connection)
  await publishLogin(parts, 'after')
  await eventually(() => seen.includes('after'))
})
