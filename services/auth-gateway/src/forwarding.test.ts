import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createServer as createRekeyServer } from '@rekey/platform/server'
import t, { type Test } from 'tap'
import { forwarding } from './forwarding.ts'

/** The gateway's forwarding, to a server that answers as it is told and remembers what it was asked. */
const startForwarding = async (t: Test, status: number) => {
  const asked: IncomingHttpHeaders[] = []
  const upstream = createServer((request, response) => {
    asked.push(request.headers)
    response.writeHead(status, { 'retry-after': '2', 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const log = createLogger({ name: 'test', level: 'silent' })
  const app = await createRekeyServer({ log, random: systemRandom, trustedProxies: [] })
  await forwarding(app, { upstream: `http://127.0.0.1:${port}` })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { url, asked }
}

t.test('a 503 is passed on at once, without asking again in the client’s stead', async (t) => {
  const { url, asked } = await startForwarding(t, 503)
  const answer = await fetch(`${url}/api/v2/my/password/changes`)
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '2')
  t.equal(asked.length, 1)
})

t.test('S30 the address that is passed on is the one seen, whatever the client says', async (t) => {
  const { url, asked } = await startForwarding(t, 200)
  await fetch(`${url}/api/v2/my/password/changes`, {
    headers: { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' },
  })
  t.equal(asked[0]?.['x-forwarded-for'], '127.0.0.1')
  t.equal(asked[0]?.forwarded, undefined)
})

t.test('a client that asks for its connection to be closed has it closed', async (t) => {
  const { url } = await startForwarding(t, 200)
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /api/v2/my/password/changes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  // Ends only when the server closes.
  const answer = await text(socket)
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.match(answer, /connection: close/i)
  t.notMatch(answer, /keep-alive/i)
})
