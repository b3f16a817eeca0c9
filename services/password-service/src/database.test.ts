import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { PasswordVerify, scopes } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { createLogger } from '@rekey/platform/logger'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { type Answer, createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'

const service = await startPasswordService(t, { privatePostgres: true })
const { bearer, grant, postgres, query } = service
let { http } = service
if (!postgres) throw new Error('this test needs a Postgres of its own')

const customer = await service.customer()
const challengeId = await service.restoreOf(customer.id)
const token = grant('restore', challengeId)
const authorization = bearer(customer.code)
const password = 'Qwerty123'
const restore = () => http.post('/api/v2/my/password/restore', { password }, { successToken: token })

const requests = {
  change: () =>
    http.post(
      '/api/v2/my/password/change',
      { password },
      { authorization, successToken: grant('change', customer.code) },
    ),
  restore,
  list: () => http.get('/api/v2/my/password/changes', { authorization }),
  show: () => http.get('/api/v2/my/password/changes/1', { authorization }),
  set: () =>
    http.send(
      'PUT',
      `/api/v2/clients/${customer.id}/password`,
      { 'content-type': 'application/json', authorization: bearer('backend_fin', scopes.backOffice) },
      JSON.stringify({ password, send_mail: false }),
    ),
}

const isUnavailable = async (t: Test, name: string, request: () => Promise<Answer>) => {
  const started = performance.now()
  const answer = await request()
  t.equal(answer.status, 503, name)
  t.equal(answer.body.code, 'unavailable', name)
  t.ok(Number(answer.headers.get('retry-after')) > 0, `${name}: Retry-After`)
  t.ok(performance.now() - started < 2_000, `${name}: within two seconds`)
}

const allUnavailable = async (t: Test) => {
  await Promise.all(Object.entries(requests).map(([name, request]) => isUnavailable(t, name, request)))
  const question = callRpc(service.broker, PasswordVerify, { username: customer.addresses[0] ?? '', password })
  await t.rejects(question, { code: 'unavailable' })
  const ready = await http.get('/readyz')
  t.equal(ready.status, 503)
  t.match(ready.body, { checks: { postgres: 'unavailable', nats: 'ok' } })
  t.equal((await http.get('/healthz')).status, 200)
}

/** A database as the service opens it, with fewer connections. */
const open = (t: Test) => {
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: service.variables.DATABASE_URL, poolSize: 2, log })
  t.teardown(() => database.close())
  return database
}

t.test('a database that lacks a migration is not ready, and is once it has come', async (t) => {
  const database = open(t)
  await service.query('ALTER TABLE spent_token RENAME COLUMN expires_at TO expires')
  await t.rejects(database.check(), /expires_at/)
  await service.query('ALTER TABLE spent_token RENAME COLUMN expires TO expires_at')
  await t.resolves(database.check())
})

const secret = '$argon2id$planted'
const thrownBy = (work: Promise<unknown>): Promise<Error & { code?: string; cause?: unknown }> =>
  work.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  )

t.test('S25: timeouts, locks and connections that are cut are unavailable', async (t) => {
  const database = open(t)
  const isPassing = async (what: string, work: Promise<unknown>) =>
    t.match(await thrownBy(work), { name: 'RekeyError', code: 'unavailable', retryAfterSeconds: 2 }, what)
  await isPassing(
    'a statement that takes too long',
    database.query((prisma) => prisma.$queryRaw`SELECT pg_sleep(2)::text`),
  )
  await isPassing(
    'a transaction that takes too long',
    database.transaction((tx) => tx.$queryRaw`SELECT pg_sleep(0.3)::text`, { timeoutMs: 100 }),
  )
  await isPassing(
    'a connection that the operator ends',
    database.query((prisma) => prisma.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`),
  )
  await database.transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM customer WHERE id = ${customer.id} FOR UPDATE`
    await isPassing(
      'a row that is locked',
      database.query((prisma) => prisma.$queryRaw`SELECT 1 FROM customer WHERE id = ${customer.id} FOR UPDATE NOWAIT`),
    )
  })
  await isPassing(
    'a server that is a standby',
    database.transaction(async (tx) => {
      await tx.$executeRaw`SET TRANSACTION READ ONLY`
      await tx.$executeRaw`DELETE FROM spent_token`
    }),
  )
  const busy = [1, 2].map(() => database.transaction(() => delay(2_000)))
  await Promise.all([
    isPassing(
      'a pool without a free connection',
      database.query((prisma) => prisma.customer.count()),
    ),
    isPassing(
      'and for a transaction',
      database.transaction((tx) => tx.customer.count()),
    ),
    Promise.allSettled(busy),
  ])
})

t.test('S35: a fault of ours is none of Postgres away, and holds neither rows nor values', async (t) => {
  const database = open(t)
  await query(`ALTER TABLE credential ADD CONSTRAINT planted CHECK (hash NOT LIKE '%planted')`)
  await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE check_violation USING MESSAGE = NEW.hash; END $$`)
  await query(`CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON credential DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION refuse()`)
  t.teardown(async () => {
    await query('DROP TRIGGER refused ON credential')
    await query('ALTER TABLE credential DROP CONSTRAINT planted')
  })
  const data = { customerId: customer.id, hash: secret }
  const faults: Record<string, [code: string, work: () => Promise<unknown>]> = {
    'a CHECK': ['23514', () => database.query((prisma) => prisma.credential.create({ data }))],
    'a CHECK in a transaction': ['23514', () => database.transaction((tx) => tx.credential.create({ data }))],
    'a CHECK at the commit': [
      '23514',
      () => database.transaction((tx) => tx.credential.create({ data: { ...data, hash: `${secret} at commit` } })),
    ],
    'a name that is taken': [
      '23505',
      () =>
        database.query((prisma) =>
          prisma.identifier.create({
            data: { customerId: customer.id, kind: 'email', value: customer.addresses[0] ?? '' },
          }),
        ),
    ],
    'an argument that Prisma refuses': [
      'PrismaClientValidationError',
      () =>
        database.query((prisma) => prisma.credential.create({ data: { customerId: secret as never, hash: secret } })),
    ],
  }
  for (const [name, [code, work]] of Object.entries(faults)) {
    const error = await thrownBy(work())
    t.match(error, { name: 'DatabaseFault', code, message: 'a database operation failed' }, name)
    t.notOk(inspect(error, { depth: 10, showHidden: true }).includes('planted'), name)
    t.match(error.stack, /database\.test\.ts/, `${name}: and says where`)
  }
  const refused = await thrownBy(database.query((prisma) => prisma.$queryRaw`SELECT ${secret}::uuid`))
  t.match(refused, { name: 'DataRefused', code: '22P02', message: 'the database can never hold this' })
  t.ok(refused instanceof PermanentError, 'so that an event which brings it is put aside')
  t.notOk(inspect(refused, { depth: 10, showHidden: true }).includes('planted'))
  const bug = new TypeError('a bug')
  t.equal(await thrownBy(database.transaction(() => Promise.reject(bug))), bug)
})

const recovered = () => eventually(async () => (await http.get('/readyz')).status === 200, { what: 'recovery' })

t.test(
  'S25: with Postgres killed every route answers 503 in two seconds, and works again when it is back',
  async (t) => {
    await postgres.kill()
    await allUnavailable(t)
    await postgres.restart()
    await recovered()
    t.equal((await requests.list()).status, 200)
  },
)

/** Everything to Postgres goes through it, until it stands still: no answer, no end, as from a machine that hangs. */
const startProxy = async (t: Test, target: URL) => {
  const sockets = new Set<Socket>()
  let still = false
  const track = (socket: Socket) => {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    track(client)
    if (still) return
    const upstream = track(connect(Number(target.port), target.hostname))
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const url = new URL(target)
  url.port = String((server.address() as { port: number }).port)
  return {
    url: url.href,
    hold() {
      still = true
      for (const socket of sockets) socket.pause()
    },
    release() {
      still = false
      for (const socket of sockets) socket.resume()
    },
  }
}

t.test('S25: a Postgres that stands still is away too', async (t) => {
  const proxy = await startProxy(t, new URL(postgres.url))
  const databaseUrl = new URL(service.variables.DATABASE_URL)
  databaseUrl.port = new URL(proxy.url).port
  const another = await service.startAnother({ DATABASE_URL: databaseUrl.href })
  const direct = http
  http = createHttp(another.url)
  await recovered()
  t.equal((await requests.list()).status, 200)
  proxy.hold()
  await Promise.all(Object.entries(requests).map(([name, request]) => isUnavailable(t, name, request)))
  proxy.release()
  await recovered()
  t.equal((await restore()).status, 204, 'the token was not spent')
  await service.outboxEmpty()
  proxy.hold()
  const started = performance.now()
  await another.app.close()
  t.ok(performance.now() - started < 5_000, 'and does not keep the service from stopping')
  http = direct
})

t.test('a service that starts before Postgres and the broker becomes ready by itself', async (t) => {
  await Promise.all([postgres.stop(), service.nats.stop()])
  const { url } = await service.startAnother()
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  await Promise.all([postgres.restart(), service.nats.restart()])
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the new one to be ready' })
})

t.test('S25: with the issuer of tokens away a key that is not known yet lets nobody in', async (t) => {
  service.closeIssuer()
  const { url } = await service.startAnother()
  const answer = await fetch(`${url}/api/v2/my/password/changes`, { headers: { authorization } })
  t.equal(answer.status, 503)
  t.ok(Number(answer.headers.get('retry-after')) > 0)
  t.equal((await requests.list()).status, 200, 'keys that are known are kept')
  service.clock.advance(11 * 60_000)
  const later = bearer(customer.code)
  const list = (authorization: string) => http.get('/api/v2/my/password/changes', { authorization })
  t.equal((await list(later)).status, 200, 'also when they are no longer fresh')
})
