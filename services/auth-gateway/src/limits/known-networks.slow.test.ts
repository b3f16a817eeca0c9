import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { askRestore, loginBody, restoreBody, signIn, verificationBody } from '@rekey/test-support/flows'
import type { Http } from '@rekey/test-support/http'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'

const client = (client_id: string, more: object = {}) => ({
  client_id,
  type: 'public',
  redirect_uris: ['http://localhost'],
  origins: [],
  scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE'],
  ...more,
})
const secret = 'a secret of the bank'
const clients = [
  client('ib_localhost'),
  client('bank', { type: 'confidential', secret_sha256: createHash('sha256').update(secret).digest('hex') }),
]
const address = 10
const ofClient = 60
const ofAll = 20
const ofAccount = 5
const ofAccountAndAddress = 3
const hour = 3_600_000
const rekey = await startRekey(t, {
  gatewayEnv: { REKEY_TRUSTED_PROXIES: '127.0.0.1' },
  env: {
    REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json'),
    REKEY_LIMIT_CODE_ADDRESS: `${address}/1h`,
    REKEY_LIMIT_CODE_ACCOUNT: `${ofAccountAndAddress}/1h`,
    REKEY_LIMIT_CODE_CLIENT: `${ofClient}/1h`,
    REKEY_LIMIT_CODE_ALL: `${ofAll}/1h`,
    REKEY_LIMIT_ANSWER_ADDRESS: `${address}/1h`,
    REKEY_LIMIT_ANSWER_CLIENT: `${ofClient}/1h`,
    REKEY_LIMIT_LOGIN_ADDRESS: `${address}/1h`,
    REKEY_LIMIT_LOGIN_ACCOUNT: `${ofAccount}/1h`,
    REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: `${ofAccountAndAddress}/1h`,
    REKEY_LIMIT_LOGIN_CLIENT: `${ofClient}/1h`,
    REKEY_LIMIT_LOGIN_ALL: `${ofAll}/1h`,
  },
})
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())

/** The product, as somebody at this address uses it. */
const at = (ip: string) => {
  const from = { 'x-forwarded-for': ip }
  const http: Http = {
    send: (method, path, headers, body) => rekey.http.send(method, path, { ...headers, ...from }, body),
    get: (path, headers) => rekey.http.get(path, { ...headers, ...from }),
    post: (path, body, headers) => rekey.http.post(path, body, { ...headers, ...from }),
  }
  return { ...rekey, http }
}

let addresses = 0
/** An address of a network that nobody used before. */
const elsewhere = () => {
  addresses += 1
  return at(`203.0.${Math.floor(addresses / 250)}.${1 + (addresses % 250)}`)
}
let names = 0
const newUsername = () => {
  names += 1
  return `nobody.${names}@example.com`
}

const a1 = ({ http }: { http: Http }, username: string) => http.post('/oauth/v2/passwordRestore', restoreBody(username))
const a4 = ({ http }: { http: Http }, { email }: { email: string }, password = 'a guess') =>
  patiently(() => http.post('/oauth/v2/login', loginBody({ email, password })))

/** Sends many at once, from new networks of at most `address` requests each. */
const flood = async (count: number, send: (from: ReturnType<typeof at>, index: number) => Promise<unknown>) => {
  for (let done = 0; done < count; done += address) {
    const from = elsewhere()
    const rest = Math.min(address, count - done)
    await Promise.all(Array.from({ length: rest }, (_, index) => send(from, done + index)))
  }
}

/** Addresses of other customers of the owner's provider: the same /48. */
const neighbours = [2, 3, 4, 5].map((subnet) => at(`2001:db8:1:${subnet}::1`))
const homes = { 'an IPv4 address': '192.0.2.7', 'an IPv6 /64': '2001:db8:1:1::7' }

/** Floods by strangers, each until the next stranger is refused. */
const floods: Record<string, (owner: TestCustomer) => Promise<unknown>> = {
  'wrong passwords from many networks': async (owner) => {
    await flood(ofAccount, () => a4(elsewhere(), owner))
  },
  'wrong passwords from the same provider': async (owner) => {
    for (let count = 0; count < ofAccountAndAddress; count += 1) await a4(neighbours[0] as never, owner)
  },
  'sign-ins of many accounts': () => flood(ofAll, (from) => a4(from, { email: newUsername() })),
  'sign-ins through the client': async () => {
    const other = await createCustomer(rekey.postgres.url)
    // One after the other: a right password spends the account's quota until it was verified.
    for (let count = 0; count < ofClient; count += address) {
      const from = elsewhere()
      for (let done = 0; done < address; done += 1) await a4(from, other, other.password)
    }
  },
  'sign-ins from the same provider': async () => {
    const other = await createCustomer(rekey.postgres.url)
    for (const from of neighbours) {
      for (let count = 0; count < address; count += 1) await a4(from, other, other.password)
    }
  },
  'codes for the account': (owner) => flood(ofAccountAndAddress, (from) => a1(from, owner.email)),
  'codes for many accounts': () => flood(ofAll, (from) => a1(from, newUsername())),
  'codes through the client': () => flood(ofClient, (from) => a1(from, 'nobody@example.com')),
  'codes from the same provider': async () => {
    for (const from of neighbours) await Promise.all(Array.from({ length: address }, () => a1(from, 'n@example.com')))
  },
  'answers through the client': async () => {
    const { body } = await a1(elsewhere(), newUsername())
    await flood(ofClient, ({ http }) =>
      http.post('/oauth/v2/passwordRestoreVerification', verificationBody(body.mfa_token, '0000001')),
    )
  },
  'answers from the same provider': async () => {
    const { body } = await a1(elsewhere(), newUsername())
    const wrong = verificationBody(body.mfa_token, '0000001')
    for (const { http } of neighbours) {
      for (let count = 0; count < address; count += 1) await http.post('/oauth/v2/passwordRestoreVerification', wrong)
    }
  },
}

t.beforeEach(() => rekey.clock.advance(2 * hour))

const loginStatus = async (owner: TestCustomer, from = elsewhere()) => (await a4(from, owner, owner.password)).status
const codeStatus = async (owner: TestCustomer, from = elsewhere()) => (await a1(from, owner.email)).status
const answerStatus = async (owner: TestCustomer, from = elsewhere()) => {
  const { body } = await a1(elsewhere(), owner.email)
  const sent = verificationBody(body.mfa_token, '0000001')
  return (await from.http.post('/oauth/v2/passwordRestoreVerification', sent)).status
}

/** A stranger's request after a flood, which its limit refuses; `codes for the account` is refused within the flood. */
const refused: Record<string, (owner: TestCustomer) => Promise<number>> = {
  'wrong passwords from many networks': loginStatus,
  'wrong passwords from the same provider': (owner) => loginStatus(owner, neighbours[0]),
  'sign-ins of many accounts': loginStatus,
  'sign-ins through the client': loginStatus,
  'sign-ins from the same provider': (owner) => loginStatus(owner, at('2001:db8:1:9::1')),
  'codes for many accounts': codeStatus,
  'codes through the client': codeStatus,
  'codes from the same provider': (owner) => codeStatus(owner, at('2001:db8:1:9::1')),
  'answers through the client': answerStatus,
  'answers from the same provider': (owner) => answerStatus(owner, at('2001:db8:1:9::1')),
}

for (const [where, home] of Object.entries(homes)) {
  t.test(`S39: strangers keep no owner out who signed in from ${where}`, async (t) => {
    for (const [what, strangers] of Object.entries(floods)) {
      rekey.clock.advance(2 * hour)
      const owner = await createCustomer(rekey.postgres.url)
      await signIn(at(home), owner)
      rekey.clock.advance(2 * hour)
      await strangers(owner)
      const next = refused[what]
      if (next) t.equal(await next(owner), 429, `${what}: the limit is reached`)
      t.ok(await signIn(at(home), owner), `${what}: the owner signs in`)
      const { answer, confirmation } = await askRestore(at(home), owner.email)
      const verified = await at(home).http.post(
        '/oauth/v2/passwordRestoreVerification',
        verificationBody(answer.body.mfa_token, confirmation),
      )
      t.equal(verified.status, 200, `${what}: the owner restores`)
    }
  })
}

t.test('S39: a known network has quotas of its own, which refuse like those of any address', async (t) => {
  const owner = await createCustomer(rekey.postgres.url)
  const home = at('192.0.2.8')
  await signIn(home, owner)
  const stranger = elsewhere()
  const statuses = async (from: ReturnType<typeof at>) => {
    const answers = []
    for (let count = 0; count <= ofAccountAndAddress; count += 1) answers.push(await a4(from, owner))
    return answers.map(({ status, headers, text }) => ({
      status,
      text,
      limit: headers.get('ratelimit-limit'),
      names: [...headers.keys()],
    }))
  }
  t.same(await statuses(home), await statuses(stranger), 'S11: the answers are the same')
  t.equal((await a4(home, owner, owner.password)).status, 429)
})

t.test('S39: a network is known for 90 days, by an HMAC, to its own account alone', async (t) => {
  const before = new Set(await redis.keys('rekey:{limits}:known:*'))
  const [owner, other] = [await createCustomer(rekey.postgres.url), await createCustomer(rekey.postgres.url)]
  const home = at('192.0.2.9')
  await signIn(home, owner)
  const [key = '', ...more] = (await redis.keys('rekey:{limits}:known:*')).filter((known) => !before.has(known))
  t.equal(more.length, 1, 'one of the username, one of the customer')
  t.match(key, /:known:[\w-]{43}$/)
  const day = 24 * hour
  const leftMs = await redis.pttl(key)
  t.ok(leftMs > 89.9 * day && leftMs <= 90 * day, `${leftMs} ms`)
  await flood(ofAccount, () => a4(elsewhere(), other))
  t.equal((await a4(home, other, other.password)).status, 429)
})

t.test('S39: a wrong password makes no network known', async (t) => {
  const before = (await redis.keys('rekey:{limits}:known:*')).length
  const owner = await createCustomer(rekey.postgres.url)
  await a4(elsewhere(), owner)
  await a4(elsewhere(), owner, owner.password)
  await askRestore(elsewhere(), owner.email)
  t.equal((await redis.keys('rekey:{limits}:known:*')).length, before)
})

t.test('S39: the client-asserted IP of an authenticated client counts as the network', async (t) => {
  const owner = await createCustomer(rekey.postgres.url)
  const authorization = `Basic ${Buffer.from(`bank:${encodeURIComponent(secret)}`).toString('base64')}`
  const through = (ip: string, password: string) =>
    rekey.http.post('/oauth/v2/login', loginBody({ ...owner, password }, { client_id: 'bank', ip }), { authorization })
  await signIn(at('192.0.2.10'), owner)
  await flood(ofAccount, () => a4(elsewhere(), owner))
  t.equal((await through('192.0.2.10', owner.password)).status, 200)
  t.equal((await through('192.0.2.11', owner.password)).status, 429)
})
