import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createIssuerKeys } from '@rekey/platform/issuer-keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { connectRedis } from '@rekey/platform/redis'
import { createServer as createRekeyServer } from '@rekey/platform/server'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import t from 'tap'
import { forwarding } from '../../services/auth-gateway/src/forwarding/forwarding.ts'
import { createSetNewPassword } from '../../services/auth-gateway/src/pages/new-password.ts'
import { createSms } from '../../services/notifier/src/channels/sms.ts'
import { createSmtp } from '../../services/notifier/src/channels/smtp.ts'
import { createBreaches } from '../../services/password-service/src/policy/breach.ts'

// A server accepts connections and never answers. All kinds of stalls: stalls.proof.ts.
// NATS: packages/platform/src/broker-transport.test.ts.

t.setTimeout(120_000)
t.jobs = 10

const log = createLogger({ name: 'test', level: 'silent' })

const startSilentServer = async (t: Teardown) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.resume())
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { sockets, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

type Use = (address: string, t: Teardown) => Promise<unknown>

const useGateway: Use = async (address, t) => {
  const app = await createRekeyServer({ log, metrics: createMetrics(), random: systemRandom, trustedProxies: [] })
  app.decorate('readBearer', async () => {
    throw new Error('no token is good')
  })
  await forwarding(app, {
    upstream: `http://${address}`,
    isEnded: async () => false,
    spendPassword: async () => undefined,
    spendToken: async () => undefined,
    accountOfCustomer: (customer) => customer,
  })
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const { status } = await fetch(`${url}/api/v2/my/password/restore`, { method: 'POST', body: '{}' })
  if (status === 503) throw new Error('unavailable')
}

/** As for codes. */
const own = { connections: 16, timeoutMs: 7_500 }

const openSmtp = (address: string, t: Teardown) => {
  const smtp = createSmtp({
    url: `smtp://${address}`,
    from: 'Bank <no-reply@bank.example>',
    requireTls: false,
    ehloName: undefined,
    ...own,
  })
  t.teardown(() => smtp.close())
  return smtp
}

const clients: { name: string; boundMs: number; use: Use }[] = [
  {
    name: 'Redis',
    boundMs: 1_500,
    use(address, t) {
      const redis = connectRedis({ url: `redis://${address}`, cluster: false, log })
      t.teardown(() => redis.disconnect())
      return once(redis, 'close').then(() => Promise.reject(new Error('closed')))
    },
  },
  {
    name: 'SMTP',
    boundMs: 7_500,
    use: (address, t) => openSmtp(address, t).send('an id', 'a@example.com', { subject: 's', text: 't', html: 'h' }),
  },
  { name: 'SMTP, for readiness', boundMs: 7_500, use: (address, t) => openSmtp(address, t).check() },
  {
    name: 'SMS vendor',
    boundMs: 7_500,
    use: (address) =>
      createSms({ url: `http://${address}`, token: undefined, ...own }).send('an id', '+447700900000', 'text'),
  },
  { name: 'password-service, forwarded', boundMs: 5_000, use: useGateway },
  {
    name: 'password-service, from the pages',
    boundMs: 5_000,
    use: (address) =>
      createSetNewPassword({ upstream: `http://${address}`, fetch })('a token', 'a password', '203.0.113.7'),
  },
  {
    name: 'key set of an issuer',
    boundMs: 1_500,
    use: (address) =>
      createIssuerKeys({ jwksUrl: `http://${address}/jwks`, now: () => new Date() })({ alg: 'EdDSA', kid: 'a key' }),
  },
  {
    name: 'breach look-up',
    boundMs: 1_000,
    async use(address, t) {
      const breaches = createBreaches({
        url: `http://${address}/range`,
        timeoutMs: 1_000,
        log,
        metrics: createMetrics(),
      })
      t.teardown(() => breaches.close())
      if (!(await breaches.isLeaked('a password'))) throw new Error('accepted without an answer')
    },
  },
]

for (const { name, boundMs, use } of clients) {
  t.test(
    `${name}: a connection without an answer times out after ${boundMs} ms and is closed`,
    { buffered: true },
    async (t) => {
      const { sockets, address } = await startSilentServer(t)
      const started = performance.now()
      await t.rejects(use(address, t))
      const ms = performance.now() - started
      t.ok(ms < 10 * boundMs, `${Math.round(ms)} ms`)
      t.ok(sockets.length > 0)
      const [first] = sockets as [Socket]
      await eventually(() => first.destroyed, { what: 'the closed connection' })
    },
  )
}
