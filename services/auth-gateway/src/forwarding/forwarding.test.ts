import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { unavailable } from '@rekey/contracts'
import { auth, type TokenClaims } from '@rekey/platform/auth'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { createServer as createRekeyServer } from '@rekey/platform/server'
import { eventually } from '@rekey/test-support/eventually'
import { SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { forwarding } from './forwarding.ts'

const issuer = 'http://localhost:8080'
const { privateKey, publicKey } = generateKeyPairSync('ed25519')

/** An access token like the gateway's. */
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

/** Starts the forwarding, to a server that answers with the status and records its requests. */
const startForwarding = async (
  t: Test,
  status: number,
  isEnded: IsEnded = async () => false,
  answered?: Promise<void>,
) => {
  const received: (IncomingHttpHeaders & { method?: string | undefined })[] = []
  const upstream = createServer(async (request, response) => {
    received.push({ ...request.headers, method: request.method })
    await answered
    response.writeHead(status, { 'retry-after': '2', 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const logs: string[] = []
  const log = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void logs.push(line) } })
  const app = await createRekeyServer({
    log,
    metrics: createMetrics(),
    random: systemRandom,
    trustedProxies: [],
    logsRequests: true,
  })
  await app.register(auth, { issuer, now: () => new Date(), publicKey: async () => publicKey })
  await forwarding(app, {
    upstream: `http://127.0.0.1:${port}`,
    isEnded,
    spendPassword: async () => undefined,
    spendToken: async () => undefined,
    accountOfCustomer: (customer) => customer,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const connections = () =>
    new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
  return { url, received, logs, connections }
}

t.test('a request that the client aborts is not logged as an error', async (t) => {
  const answer = Promise.withResolvers<void>()
  const { url, received, logs, connections } = await startForwarding(t, 200, undefined, answer.promise)
  const client = new AbortController()
  const request = fetch(`${url}/api/v2/my/password/restore`, { method: 'POST', body: '{}', signal: client.signal })
  await eventually(() => received.length === 1)
  client.abort()
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

t.test('a 503 is forwarded at once, without a retry', async (t) => {
  const { url, received } = await startForwarding(t, 503)
  const answer = await fetch(`${url}/api/v2/my/password/changes`)
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '2')
  t.equal(received.length, 1)
})

t.test('S30: the forwarded client address is the one that the gateway sees, whatever the client sends', async (t) => {
  const { url, received } = await startForwarding(t, 200)
  await fetch(`${url}/api/v2/my/password/changes`, {
    headers: { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' },
  })
  t.equal(received[0]?.['x-forwarded-for'], '127.0.0.1')
  t.equal(received[0]?.forwarded, undefined)
})

t.test('Connection: close of the client closes its connection', async (t) => {
  const { url } = await startForwarding(t, 200)
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /api/v2/my/password/changes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  // Resolves only once the server closes the connection.
  const answer = await text(socket)
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.match(answer, /connection: close/i)
  t.notMatch(answer, /keep-alive/i)
})

t.test('S21: a token of an ended session is refused before forwarding, in the error format of its path', async (t) => {
  const { url, received } = await startForwarding(t, 200, async ({ sid }) => sid === 'an ended session')
  const authorization = `Bearer ${await accessToken({ sid: 'an ended session' })}`
  const problem = await fetch(`${url}/api/v2/my/password/changes`, { headers: { authorization } })
  t.equal(problem.status, 401)
  t.match(problem.headers.get('www-authenticate'), 'invalid_token')
  t.match(await problem.json(), { code: 'invalid_token', status: 401 })
  const oauth = await fetch(`${url}/oauth/v2/passwordRestoreReset`, { method: 'POST', headers: { authorization } })
  t.equal(oauth.status, 401)
  t.match(await oauth.json(), { error: 'invalid_token' })
  t.equal(received.length, 0)
  const good = { authorization: `Bearer ${await accessToken()}` }
  t.equal((await fetch(`${url}/api/v2/my/password/changes`, { headers: good })).status, 200)
})

t.test('a foreign token is forwarded, and so is every token while sessions cannot be checked', async (t) => {
  const { url, received } = await startForwarding(t, 200, async () => {
    throw unavailable(new Error('unreachable'))
  })
  const foreign = await accessToken({}, generateKeyPairSync('ed25519').privateKey)
  const tokens = [await accessToken(), foreign, 'malformed']
  for (const token of tokens) {
    const headers = { authorization: `Bearer ${token}` }
    t.equal((await fetch(`${url}/api/v2/my/password/changes`, { headers })).status, 200)
  }
  t.equal(received.length, tokens.length)
})

t.test('S31: a path that the proxy would rewrite is refused', async (t) => {
  const { url, received } = await startForwarding(t, 200)
  const { port } = new URL(url)
  const all = '/api/v2/clients'
  const paths = [`${all}/./reset-password`, `${all}/%2e/reset-password`, `${all}/%2E/x`, `${all}/.\\x`, `${all}/1/..`]
  for (const path of paths) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    t.match(await text(socket), /^HTTP\/1\.1 400 /, path)
  }
  t.equal(received.length, 0)
})

t.test('every path of the password-service is forwarded, also with DELETE', async (t) => {
  const { url, received } = await startForwarding(t, 200)
  const paths = ['/api/v2/clients/1/hold', '/api/v2/jobs/x', '/api/v2/approvals', '/oauth/v2/passwordRestoreReset']
  for (const path of paths) t.equal((await fetch(`${url}${path}`, { method: 'DELETE' })).status, 200)
  t.same(
    received.map(({ method }) => method),
    paths.map(() => 'DELETE'),
  )
})
