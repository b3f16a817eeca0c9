import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { health } from './health.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'

const startServer = () =>
  createServer({
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
    random: systemRandom,
    trustedProxies: [],
  })

t.test('closing answers requests in flight on kept-alive connections, then ends', async (t) => {
  const app = await startServer()
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
  // The answer is sent after closing has begun.
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
  // Without Connection: close this would wait until the client closes the connection.
  await closed
})

t.test('a draining server is unready, still serves, and closes each connection after one answer', async (t) => {
  const app = await startServer()
  t.teardown(() => app.close())
  const progress = createProgress({ elapsedMs: () => 0, metrics: createMetrics() })
  await app.register(health, { checks: { store: async () => {} }, progress })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const before = await fetch(`${url}/healthz`)
  t.equal(before.headers.get('connection'), 'keep-alive')
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  app.beginDrain()
  const unready = await fetch(`${url}/readyz`)
  t.equal(unready.status, 503)
  t.same(await unready.json(), { status: 'unavailable', checks: { store: 'ok', service: 'stopping' } })
  const served = await fetch(`${url}/healthz`)
  t.equal(served.status, 200)
  t.equal(served.headers.get('connection'), 'close')
})

t.test('a connection without a request does not keep a server from closing', async () => {
  const app = await startServer()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(app.server, 'connection')
  const ended = once(socket.resume(), 'close')
  await app.close()
  await ended
})

t.test('a client that resets its connection at once causes no error in the log', async (t) => {
  const lines: string[] = []
  const log = createLogger({ name: 'test', level: 'warn', destination: { write: (line) => void lines.push(line) } })
  const app = await createServer({ log, metrics: createMetrics(), random: systemRandom, trustedProxies: [] })
  t.teardown(() => app.close())
  app.get('/', { config: { public: true } }, async () => ({ ok: true }))
  let isAnswered = false
  app.addHook('onSend', async () => {
    isAnswered = true
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const client = connect(port, '127.0.0.1').on('error', () => {})
  await once(client, 'connect')
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  client.resetAndDestroy()
  await eventually(() => isAnswered, { what: 'the answer' })
  t.same(lines, [])
})
