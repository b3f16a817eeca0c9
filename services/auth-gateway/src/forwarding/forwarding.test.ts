import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { unavailable } from '@rekey/contracts'
import { auth, type TokenClaims } from '@rekey/platform/auth'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createServer as createRekeyServer } from '@rekey/platform/server'
import { eventually } from '@rekey/test-support/eventually'
import { SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { forwarding } from './forwarding.ts'

const issuer = 'http://localhost:8080'
const { privateKey, publicKey } = generateKeyPairSync('ed25519')

/** An access token as the gateway signs them. */
const accessToken = (claims: object = {}, key = privateKey) =>
  new SignJWT({ client_id: 'ib_localhost', scope: 'CUSTOMER:FULL', sid: 'a session', ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'ours' })
    .setIssuer(issuer)
    .setAudience('rekey:api')
    .setSubject('EN00000CY')
    .setJti('a token')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key)

type IsEnded = (claims: TokenClaims) => Promise<boolean>

/** The gateway's forwarding, to a server that answers as it is told and remembers what it was asked. */
const startForwarding = async (
  t: Test,
  status: number,
  isEnded: IsEnded = async () => false,
  answered?: Promise<void>,
) => {
  const asked: (IncomingHttpHeaders & { method?: string | undefined })[] = []
  const upstream = createServer(async (request, response) => {
    asked.push({ ...request.headers, method: request.method })
    await answered
    response.writeHead(status, { 'retry-after': '2', 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const logs: string[] = []
  const log = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void logs.push(line) } })
  const app = await createRekeyServer({ log, random: systemRandom, trustedProxies: [] })
  await app.register(auth, { issuer, now: () => new Date(), publicKey: async () => publicKey })
  await forwarding(app, {
    upstream: `http://127.0.0.1:${port}`,
    isEnded,
    spendPassword: async () => ({ isWithheld: false, giveBack: async () => {} }),
    accountOfCustomer: (customer) => customer,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const connections = () =>
    new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
  return { url, asked, logs, connections }
}

t.test('an answer that nobody waits for any more is no fault of ours', async (t) => {
  const answer = Promise.withResolvers<void>()
  const { url, asked, logs, connections } = await startForwarding(t, 200, undefined, answer.promise)
  const left = new AbortController()
  const request = fetch(`${url}/api/v2/my/password/restore`, { method: 'POST', body: '{}', signal: left.signal })
  await eventually(() => asked.length === 1)
  left.abort()
  await t.rejects(request)
  await eventually(async () => (await connections()) === 0)
  answer.resolve()
  t.equal((await fetch(`${url}/api/v2/my/password/changes`)).status, 200)
  await eventually(() => logs.some((line) => line.includes('"status":200')))
  t.same(
    logs.filter((line) => line.includes('"severity":"error"')),
    [],
  )
})

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

t.test(
  'S21 a token of ours whose session is over is refused before it is passed on, in the form of its path',
  async (t) => {
    const { url, asked } = await startForwarding(t, 200, async ({ sid }) => sid === 'an ended session')
    const authorization = `Bearer ${await accessToken({ sid: 'an ended session' })}`
    const problem = await fetch(`${url}/api/v2/my/password/changes`, { headers: { authorization } })
    t.equal(problem.status, 401)
    t.match(problem.headers.get('www-authenticate'), 'invalid_token')
    t.match(await problem.json(), { code: 'invalid_token', status: 401 })
    const oauth = await fetch(`${url}/oauth/v2/passwordRestoreReset`, { method: 'POST', headers: { authorization } })
    t.equal(oauth.status, 401)
    t.match(await oauth.json(), { error: 'invalid_token' })
    t.equal(asked.length, 0)
    const good = { authorization: `Bearer ${await accessToken()}` }
    t.equal((await fetch(`${url}/api/v2/my/password/changes`, { headers: good })).status, 200)
  },
)

t.test(
  'what is no token of ours is passed on unjudged, and so is every token while sessions cannot be asked',
  async (t) => {
    const { url, asked } = await startForwarding(t, 200, async () => {
      throw unavailable(new Error('away'))
    })
    const foreign = await accessToken({}, generateKeyPairSync('ed25519').privateKey)
    const tokens = [await accessToken(), foreign, 'rubbish']
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}` }
      t.equal((await fetch(`${url}/api/v2/my/password/changes`, { headers })).status, 200)
    }
    t.equal(asked.length, tokens.length)
  },
)

t.test('S31 a path that the proxy would ask for as another is refused', async (t) => {
  const { url, asked } = await startForwarding(t, 200)
  const { port } = new URL(url)
  const all = '/api/v2/clients'
  const paths = [`${all}/./reset-password`, `${all}/%2e/reset-password`, `${all}/%2E/x`, `${all}/.\\x`, `${all}/1/..`]
  for (const path of paths) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    t.match(await text(socket), /^HTTP\/1\.1 400 /, path)
  }
  t.equal(asked.length, 0)
})

t.test('every path of the password-service is passed on, and DELETE too', async (t) => {
  const { url, asked } = await startForwarding(t, 200)
  const paths = ['/api/v2/clients/1/hold', '/api/v2/jobs/x', '/api/v2/approvals', '/oauth/v2/passwordRestoreReset']
  for (const path of paths) t.equal((await fetch(`${url}${path}`, { method: 'DELETE' })).status, 200)
  t.same(
    asked.map(({ method }) => method),
    paths.map(() => 'DELETE'),
  )
})
