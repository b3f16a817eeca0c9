import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createLogger } from './logger.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'

t.test('closing answers what is in flight on kept-alive connections, and then is done', async (t) => {
  const log = createLogger({ name: 'test', level: 'silent' })
  const app = await createServer({ log, random: systemRandom, trustedProxies: [] })
  let begin = () => {}
  let end = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  app.get('/slow', { config: { public: true } }, async () => {
    begin()
    await ended
    return { ok: true }
  })
  // The answer comes once closing has begun.
  app.addHook('preClose', async () => end())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const { port } = app.server.address() as AddressInfo
  const sent = request({ host: '127.0.0.1', port, path: '/slow', agent })
  sent.end()
  await begun
  const closed = app.close()
  const [response] = await once(sent, 'response')
  response.resume()
  t.equal(response.statusCode, 200)
  t.equal(response.headers.connection, 'close')
  // Without the header this would wait for the client, for as long as connections are kept alive.
  await closed
})
