import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { createAuthority, type Identity, writePem } from '@rekey/test-support/authority'
import { eventually } from '@rekey/test-support/eventually'
import { declaredLines } from '@rekey/test-support/log-lines'
import t, { type Test } from 'tap'
import { health } from './health.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'
import { createTls } from './tls.ts'

// Most of their time is spent waiting for files to be read again.
t.jobs = 6
const beside = { buffered: true }

const dir = mkdtempSync(join(tmpdir(), 'rekey-listener-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const [authority, otherAuthority] = await Promise.all([createAuthority('one'), createAuthority('two')])
const [server, nextServer] = await Promise.all([
  authority.issue({ usage: 'server' }),
  authority.issue({ usage: 'server' }),
])
const [gateway, otherGateway] = await Promise.all([
  authority.issue({ usage: 'client' }),
  otherAuthority.issue({ usage: 'client' }),
])

let listeners = 0
/** Starts a server whose API only clients of the authority may call. */
const startListener = async (t: Test, { demandsCertificate = true } = {}) => {
  listeners += 1
  const file = (name: string) => join(dir, `${listeners}-${name}.pem`)
  const paths = { cert: file('cert'), key: file('key'), ca: file('ca') }
  const write = (identity: Identity, ca = authority) =>
    writePem({ [paths.cert]: identity.cert, [paths.key]: identity.key, [paths.ca]: ca.cert })
  write(server)
  const lines: Record<string, unknown>[] = []
  const destination = declaredLines(t, (line) => void lines.push(JSON.parse(line)))
  const log = createLogger({ name: 'test', level: 'info', destination })
  const metrics = createMetrics()
  const settings = { REKEY_TLS_CERT: paths.cert, REKEY_TLS_KEY: paths.key }
  const tls = createTls({ ...settings, ...(demandsCertificate && { REKEY_TLS_CLIENT_CA: paths.ca }) }, { log, metrics })
  const app = await createServer({ log, metrics, random: systemRandom, trustedProxies: [], tls: tls.listener })
  await app.register(health, {
    checks: {},
    progress: createProgress({ elapsedMs: () => 0, metrics: createMetrics() }),
  })
  app.get('/api', { config: { public: true } }, async () => ({ ok: true }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await app.close()
    await tls.close()
  })
  const { port } = app.server.address() as AddressInfo
  return { app, port, lines, write, reloads: () => lines.filter(({ event }) => event === 'file_reloaded').length }
}

/** The status of an answer; 'closed' if the server ended the connection without one. */
const ask = (options: RequestOptions) =>
  new Promise<{ status: number | 'closed'; closes: boolean; socket: TLSSocket }>((resolve, reject) => {
    const sent = request({ host: 'localhost', ca: authority.cert, ...options })
    sent.once('response', (answer) => {
      const socket = answer.socket as TLSSocket
      const closes = answer.headers.connection === 'close'
      answer.resume().once('end', () => resolve({ status: answer.statusCode ?? 0, closes, socket }))
    })
    sent.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET'
        ? resolve({ status: 'closed', closes: true, socket: sent.socket as TLSSocket })
        : reject(error),
    )
    sent.end()
  })

/** A connection, and the session that resumes it. */
const connectTls = async (options: ConnectionOptions) => {
  const socket = connect({ host: 'localhost', ca: authority.cert, ...options })
  let session: Buffer | undefined
  socket.on('session', (found) => {
    session = found
  })
  await once(socket, 'secureConnect')
  return { socket, session: () => session }
}

/** Sends a request on a connection. @returns the status line; '' if the server ended the connection */
const askOn = async (socket: TLSSocket, path: string): Promise<string> => {
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  const ended = once(socket, 'close')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  await ended
  return text.split('\r\n', 1)[0] ?? ''
}

const past = { validFrom: new Date('2020-01-01'), validTo: new Date('2021-01-01') }
const clients: [what: string, identity: Partial<Identity>, isGateway: boolean][] = [
  ['without a certificate', {}, false],
  ['of another authority', otherGateway, false],
  ['with an expired certificate', await authority.issue({ usage: 'client', ...past }), false],
  ['with a certificate for servers', server, false],
  ['with a certificate of the authority', gateway, true],
]

t.test('S33: only a client with a certificate of the authority reaches more than probes', beside, async (t) => {
  const { port, lines } = await startListener(t)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [what, identity, isGateway] of clients) {
      const options = { port, ...identity, minVersion: version, maxVersion: version }
      for (const method of ['GET', 'HEAD']) {
        for (const path of ['/healthz', '/readyz']) {
          const isServed = method === 'GET' || isGateway
          const { status } = await ask({ ...options, method, path, agent: false })
          t.not(isServed && status === 'closed', true, `${what}, ${version}: ${method} ${path} is answered`)
        }
        for (const path of [
          '/api',
          '/healthz/',
          '/readyz/../api',
          '/nothing',
          '/API',
          '//healthz',
          '/api?a=/healthz',
        ]) {
          const { status } = await ask({ ...options, method, path, agent: false })
          t.equal(status !== 'closed', isGateway, `${what}, ${version}: ${method} ${path}`)
        }
      }
      const first = await connectTls(options)
      const line = await askOn(first.socket, '/healthz')
      t.match(line, '200', `${what}: a probe`)
      const resumed = await connectTls({ ...options, session: first.session() })
      t.equal(await askOn(resumed.socket, '/api'), isGateway ? 'HTTP/1.1 200 OK' : '', `${what}, ${version}: resumed`)
    }
  }
  const refusal = lines.find(({ event }) => event === 'client_certificate_refused')
  t.match(refusal, { severity: 'warn', address: '127.0.0.1', reason: 'no certificate', refused: 1 })
})

t.test('without an authority for clients, each client is served, with TLS 1.2 at least', beside, async (t) => {
  const { port } = await startListener(t, { demandsCertificate: false })
  t.equal((await ask({ port, path: '/api', agent: false })).status, 200)
  const old = connectTls({ port, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  await t.rejects(old, { code: /ALERT_PROTOCOL_VERSION/ })
})

t.test('a request without TLS, and a broken handshake, end the connection and harm no other', beside, async (t) => {
  const { port } = await startListener(t)
  const sent = plainRequest({ host: '127.0.0.1', port, path: '/healthz' }).end()
  const [error] = await once(sent, 'error')
  t.match(error, { code: /ECONNRESET|HPE_INVALID/ })
  const broken = connectTcp(port, '127.0.0.1')
  broken.on('error', () => {})
  broken.write(Buffer.from('160301ffff', 'hex'))
  broken.end()
  await once(broken.resume(), 'close')
  t.equal((await ask({ port, path: '/healthz', agent: false })).status, 200)
})

t.test('connections without a request do not keep a listener with TLS from closing', beside, async (t) => {
  const { app, port } = await startListener(t)
  const { socket } = await connectTls({ port, ...gateway })
  const silent = connectTcp(port, '127.0.0.1')
  await once(silent, 'connect')
  const ended = Promise.all([once(socket.resume(), 'close'), once(silent.resume(), 'close')])
  await app.close()
  await ended
})

t.test(
  'new certificates are used without losing a request, and end the connections of the earlier ones',
  beside,
  async (t) => {
    const { port, write, reloads } = await startListener(t)
    const statuses: (number | 'closed')[] = []
    const seen = new Set<string>()
    let closes = 0
    let running = true
    const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 2, ...gateway }))
    const loops = agents.map(async (agent) => {
      while (running) {
        const answer = await ask({ port, path: '/api', agent })
        statuses.push(answer.status)
        seen.add(answer.socket.getPeerCertificate().fingerprint256 ?? '')
        if (answer.closes) closes += 1
        await delay(1)
      }
    })
    for (const [index, identity] of [nextServer, server, nextServer].entries()) {
      const before = seen.size
      write(identity)
      await eventually(() => reloads() === index + 1, { what: 'a reload' })
      if (index === 0) await eventually(() => seen.size > before, { what: 'the next certificate at a client' })
      const answered = statuses.length
      await eventually(() => statuses.length > answered + 50, { what: 'requests with the new certificate' })
    }
    running = false
    await Promise.all(loops)
    for (const agent of agents) agent.destroy()
    t.same(
      statuses.filter((status) => status !== 200),
      [],
    )
    t.equal(seen.size, 2)
    t.ok(closes >= 3 * agents.length, 'each connection of an earlier certificate was closed after an answer')
  },
)

t.test('S33: the clients of a replaced authority are refused, also with a session of before', beside, async (t) => {
  const { port, write, reloads } = await startListener(t)
  const before = await connectTls({ port, ...gateway })
  t.match(await askOn(before.socket, '/api'), '200')
  write(server, otherAuthority)
  await eventually(() => reloads() === 1, { what: 'a reload' })
  const after = await connectTls({ port, ...gateway, session: before.session() })
  t.notOk(after.socket.isSessionReused())
  t.equal(await askOn(after.socket, '/api'), '')
  t.equal((await ask({ port, path: '/api', agent: false, ...otherGateway })).status, 200)
})
