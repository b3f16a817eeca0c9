import { eventually } from '@rekey/testing/eventually'
import { startInfrastructure } from '@rekey/testing/infrastructure'
import { startLink } from '@rekey/testing/link'
import t from 'tap'
import { createLogger } from './logger.ts'
import { connectRedis } from './redis.ts'

t.test('a connection that is lost without a word is replaced as soon as it leaves something unanswered', async (t) => {
  const { redis } = await startInfrastructure(t, { redis: true })
  const link = await startLink()
  t.teardown(() => link.close())
  const url = new URL(redis.url)
  link.leadTo([Number(url.port)])
  url.port = String(link.port)
  const connection = connectRedis({
    url: url.href,
    cluster: false,
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  t.teardown(() => connection.disconnect())
  await eventually(() => connection.ping(), { what: 'the connection' })

  link.blackHole()
  link.heal()
  await t.rejects(connection.ping())
  await eventually(() => connection.ping(), { what: 'another connection', timeoutMs: 5_000 })
})
