import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BrokerUser } from '@rekey/local-servers/keys'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, changeGrant, restore, restoreGrant, signIn, signInTokens } from '@rekey/test-support/flows'
import { bankClient, startProduction } from '@rekey/test-support/production'
import { Redis } from 'ioredis'
import { headers } from 'nats'
import t from 'tap'
import { readVerifications } from '../services/auth-gateway/src/console/verification.fixture.ts'
import { useProduction } from './product.fixture.ts'

const rekey = await startProduction(t)
const { database, redis, http, inbox } = rekey
const { jsm, lastEvent, connectAs, violations, messagesIn, settled, backOfficeHeaders, secrets, commandLines } =
  await useProduction(t, rekey)

t.test('S33: restore, sign-in and change work with the production’s permissions', async (t) => {
  const person = await createCustomer(database.owner)
  const restored = { ...person, password: 'violet kettle 41 marsh' }
  const grant = await restoreGrant(rekey, person, 'sign_token', bankClient)
  t.equal((await restore(rekey, grant, restored.password)).status, 204)
  const accessToken = await signIn(rekey, restored, bankClient)
  const authorization = `Bearer ${accessToken}`
  const changed = await http.post(
    '/api/v2/my/password/change',
    { password: 'copper lantern 77 fjord', currentPassword: restored.password },
    { authorization, successToken: await changeGrant(rekey, restored, accessToken) },
  )
  t.equal(changed.status, 204, changed.text)
  const history = await http.get<{ total: number }>('/api/v2/my/password/changes', { authorization })
  t.equal(history.body.total, 2)
  await eventually(async () => (await inbox.messagesTo(person.email)).length === 5, {
    what: 'three codes and two notifications',
  })
})

t.test('S33: back office and platform RPCs work with the production’s permissions', async (t) => {
  const person = await createCustomer(database.owner)
  const staff = await backOfficeHeaders()
  const { refresh_token } = await signInTokens(rekey, person, bankClient, { client_id: bankClient.client_id })
  t.ok(refresh_token)
  const client = `/api/v2/clients/${person.id}`
  const verify = async (count: number) => {
    const begun = await http.send<{ id: string }>('POST', `${client}/verifications`, staff, '{}')
    t.equal(begun.status, 201, begun.text)
    const [{ code } = {}] = await readVerifications(rekey, person.email, count)
    const answer = await http.send('POST', `${client}/verifications/${begun.body.id}`, staff, JSON.stringify({ code }))
    t.equal(answer.status, 204, answer.text)
  }
  await verify(1)
  const set = await http.send(
    'PUT',
    `${client}/password`,
    staff,
    JSON.stringify({ password: 'granite 9 willow', send_mail: true }),
  )
  t.equal(set.status, 204, set.text)
  // In the hold of a mailed password a proof by mail counts for nothing.
  await sql(database.owner, 'UPDATE customer SET hold_until = NULL WHERE id = $1', [person.id])
  await eventually(
    async () => {
      const refreshed = await http.post('/oauth/v2/token', {
        grant_type: 'refresh_token',
        refresh_token,
        client_id: bankClient.client_id,
      })
      return refreshed.status === 400
    },
    { what: 'the end of the session' },
  )
  t.equal((await http.send('POST', `${client}/reset-password`, staff)).status, 202)
  const { body } = await http.send<{ jobId: number }>('POST', '/api/v2/clients/reset-password', staff)
  await eventually(async () => (await http.get(`/api/v2/jobs/${body.jobId}`, staff)).body.state === 'done', {
    what: 'the job',
  })
  t.equal((await http.send('PUT', `${client}/block`, staff, '{"reason":"a stolen phone"}')).status, 204)
  // The block ended the first verification.
  await verify(2)
  t.equal((await http.send('DELETE', `${client}/block`, staff)).status, 204)
  t.equal((await http.send('DELETE', `${client}/hold`, staff)).status, 204)

  const platform = await connectAs('platform')
  const call = async (subject: string, request: object) =>
    (await platform.request(subject, JSON.stringify(request), { timeout: 60_000 })).json<Record<string, unknown>>()
  const identifiers = [{ value: 'somebody.new@example.com', verified: true }]
  t.match(await call('customers.upsert', { customer: 'EN0NEW', identifiers }), { stored: true, created: true })
  t.match(await call('customers.get', { customer: 'EN0NEW' }), { found: true })
  t.match(await call('password.status', { customerId: person.id }), { found: true })
  t.match(await call('password.verify', { username: person.email, password: 'wrong' }), { verified: false })
  await settled()
})

t.test('S33: the service’s role can import customers and verify the history', async (t) => {
  const file = join(rekey.dataDir, 'customers.ndjson')
  const customers = ['EN0FILE1', 'EN0FILE2'].map((customer) => ({
    customer,
    identifiers: [{ value: `${customer}@example.com`, verified: true }],
  }))
  writeFileSync(file, customers.map((customer) => `${JSON.stringify(customer)}\n`).join(''))
  const run = (script: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, '../scripts', script), ...args], {
      env: { DATABASE_URL: database.service },
    })
  await t.resolves(run('customers.ts', 'import', file))
  t.equal((await sql(database.owner, `SELECT 1 FROM customer WHERE code LIKE 'EN0FILE_'`)).length, 2)
  t.match((await run('history.ts', 'verify')).stdout, / are valid\.$/m)
})

t.test('S33: every consumer in the permissions exists, and the broker refused the services nothing', async (t) => {
  const folder = join(import.meta.dirname, 'nats/users')
  const services = ['auth-gateway', 'password-service', 'notifier']
  const named = readdirSync(folder)
    .filter((name) => services.includes(name.replace('.conf', '')))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/"\$JS\.API\.CONSUMER\.INFO\.(.+)"/g)])
    .map(([, consumer]) => consumer)
  const existing: string[] = []
  for (const stream of ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE']) {
    for await (const { name } of jsm.consumers.list(stream)) existing.push(`${stream}.${name}`)
  }
  t.same(existing.toSorted(), named.toSorted())
  t.same([...new Set(violations())], [])
})

t.test('S33: all database connections use TLS, and Redis refused the gateway nothing', async (t) => {
  const connections = await sql<{ ssl: boolean }>(
    database.superuser,
    `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'rekey-password-service'`,
  )
  t.ok(connections.length > 0)
  t.ok(connections.every(({ ssl }) => ssl))
  t.same(await redis.denied(), [])
})

t.test('S33: the gateway’s user of Redis can neither access other keys nor change the server', async (t) => {
  const client = new Redis(redis.url, { tls: { ca: readFileSync(redis.certFile) } })
  t.teardown(() => client.disconnect())
  const refused = [
    ['GET', 'session:of-somebody-else'],
    ['SET', 'mine', '1'],
    ['EVAL', "return redis.call('GET', 'session:of-somebody-else')", '0'],
    ['KEYS', '*'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'],
    ['ACL', 'SETUSER', 'rekey', 'allkeys'],
    ['SUBSCRIBE', 'news'],
    ['SHUTDOWN', 'NOSAVE'],
  ]
  for (const [command = '', ...args] of refused) {
    await t.rejects(client.call(command, ...args), /NOPERM|can't access/, command)
  }
  t.equal(await client.call('GET', 'rekey:{a}:nothing'), null)
})

t.test(
  'S36: no secret is on a command line',
  { skip: process.platform !== 'linux' && 'platform: it reads /proc' },
  async (t) => {
    const lines = commandLines()
    for (const name of ['auth-gateway', 'password-service', 'notifier', 'nats-server', 'redis-server', 'postgres']) {
      t.ok(
        lines.some((line) => line.includes(name)),
        name,
      )
    }
    t.ok(secrets().length > 15)
    t.same(secrets().filter((secret) => lines.some((line) => line.includes(secret))).length, 0)
  },
)

t.test('S33: a forged event is refused and has no effect', async (t) => {
  const person = await createCustomer(database.owner)
  const { refresh_token } = await signInTokens(rekey, person, bankClient, { client_id: bankClient.client_id })
  await askRestore(rekey, person.email, bankClient)
  await settled()
  const mails = (await inbox.messages()).length
  const streams = ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE', 'DEAD']
  const before = await Promise.all(streams.map(messagesIn))
  const genuine = async (stream: string, subject: string) => (await lastEvent(stream, subject)).data
  const forgeries: Record<string, { data: Uint8Array; by: BrokerUser[] }> = {
    'auth.restore.requested': {
      data: await genuine('AUTH', 'auth.restore.requested'),
      by: ['password-service', 'notifier', 'platform', 'audit', 'operator', 'streams'],
    },
    'password.restored': {
      data: Buffer.from(
        JSON.stringify({
          ...JSON.parse(Buffer.from(await genuine('PASSWORD', 'password.restored')).toString()),
          customer: person.code,
          customerId: person.id,
          sessionEpoch: 1_000,
        }),
      ),
      by: ['auth-gateway', 'notifier', 'platform', 'audit', 'operator', 'streams'],
    },
    'notify.code': {
      data: Buffer.from('{}'),
      by: ['auth-gateway', 'notifier', 'platform', 'audit', 'operator', 'streams'],
    },
  }
  const refused = violations().length
  let attempts = 0
  for (const [subject, { data, by }] of Object.entries(forgeries)) {
    for (const user of by) {
      const connection = await connectAs(user)
      const meta = headers()
      meta.set('Nats-Msg-Id', `forged-${user}-${subject}`)
      connection.publish(subject, data, { headers: meta })
      await connection.flush()
      attempts += 1
    }
  }
  t.equal(await eventually(() => violations().length - refused >= attempts && violations().length - refused), attempts)
  await settled()
  t.same(await Promise.all(streams.map(messagesIn)), before)
  t.equal((await inbox.messages()).length, mails)
  const refresh = { grant_type: 'refresh_token', refresh_token, client_id: bankClient.client_id }
  t.equal((await http.post('/oauth/v2/token', refresh)).status, 200, 'the session continues')
})

t.test('S33: a repeated event has no second effect', async (t) => {
  const person = await createCustomer(database.owner)
  const { refresh_token: ended } = await signInTokens(rekey, person, bankClient, { client_id: bankClient.client_id })
  const restored = { ...person, password: 'birch anchor 52 tidal' }
  const grant = await restoreGrant(rekey, person, 'sign_token', bankClient)
  t.equal((await restore(rekey, grant, restored.password)).status, 204)
  const { refresh_token: begun } = await signInTokens(rekey, restored, bankClient, { client_id: bankClient.client_id })
  await settled()
  const mails = (await inbox.messagesTo(person.email)).length
  const records = await sql(database.owner, 'SELECT * FROM password_change ORDER BY id')

  /** Publishes once with the same id, which the broker drops, and once with another id, so that it is delivered. */
  const repeat = async (user: BrokerUser, stream: string, subject: string) => {
    const js = (await connectAs(user)).jetstream()
    const { data, header } = await lastEvent(stream, subject)
    t.equal((await js.publish(subject, data, { headers: header })).duplicate, true)
    header.set('Nats-Msg-Id', `again-${subject}`)
    t.equal((await js.publish(subject, data, { headers: header })).duplicate, false)
  }
  await repeat('auth-gateway', 'AUTH', 'auth.restore.requested')
  await repeat('auth-gateway', 'AUTH', 'auth.login.succeeded')
  await repeat('password-service', 'PASSWORD', 'password.restored')
  await settled()

  t.equal((await inbox.messagesTo(person.email)).length, mails, 'no second code, and no second notification')
  t.same(await sql(database.owner, 'SELECT * FROM password_change ORDER BY id'), records)
  const refresh = (refresh_token: string) =>
    http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token, client_id: bankClient.client_id })
  t.equal((await refresh(ended)).status, 400)
  t.equal((await refresh(begun)).status, 200, 'a session that began later continues')
})

t.test('a running gateway refuses a client list with a client of the sandbox', async (t) => {
  const path = rekey.variables['auth-gateway'].REKEY_CLIENTS_FILE
  const sandboxClient = {
    client_id: 'ib_localhost',
    type: 'public',
    redirect_uris: [],
    origins: [],
    scopes: ['CUSTOMER:FULL'],
  }
  writeFileSync(path, JSON.stringify([sandboxClient]))
  const log = () => readFileSync(join(rekey.dataDir, 'auth-gateway', 'server.log'), 'utf8')
  await eventually(() => /"file_refused".*is a client of the sandbox/.test(log()), { what: 'file_refused in the log' })
  const staff = await backOfficeHeaders()
  t.notMatch(staff.authorization, 'undefined', 'the previous clients stay')
})
