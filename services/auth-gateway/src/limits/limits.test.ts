import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, loginBody, race, restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, problemOf } from '@rekey/test-support/visitor'
import t from 'tap'

const secret = 'a secret of the front end'
const clients = [
  {
    client_id: 'ib_localhost',
    type: 'public',
    redirect_uris: ['http://localhost'],
    origins: [],
    scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE'],
  },
  {
    client_id: 'front_end',
    type: 'confidential',
    secret_sha256: createHash('sha256').update(secret).digest('hex'),
    redirect_uris: ['http://localhost'],
    origins: [],
    scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'REST:FULL'],
  },
]
const few = 6
const rekey = await startRekey(t, {
  env: {
    REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json'),
    REKEY_LIMIT_CODE_ADDRESS: '50/10m',
    REKEY_LIMIT_CODE_ACCOUNT: '2/1h',
    REKEY_LIMIT_CODE_ALL: `${few}/10m`,
    REKEY_LIMIT_ANSWER_ADDRESS: `${few}/10m`,
    REKEY_LIMIT_TOKEN_ADDRESS: `${few}/10m`,
    REKEY_LIMIT_PASSWORD_ADDRESS: `${few}/10m`,
    REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: '2/1h',
  },
})
const { http, clock } = rekey
const minuteMs = 60_000

let usernames = 0
/** A username without an account. */
const newUsername = () => {
  usernames += 1
  return `nobody.${usernames}@example.com`
}
const a1 = (username: string, other: object = {}, headers: Record<string, string> = {}) =>
  http.post('/oauth/v2/passwordRestore', restoreBody(username, other), headers)

/** Ends all windows. */
t.beforeEach(() => clock.advance(2 * 60 * minuteMs))

const basic = (sent: string) => ({
  authorization: `Basic ${Buffer.from(`front_end:${encodeURIComponent(sent)}`).toString('base64')}`,
})
const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status)

t.test('a refusal states the quota, and when to retry', async (t) => {
  await race(few, () => a1(newUsername()))
  const refused = await a1(newUsername())
  t.match(refused, { status: 429, body: { error: 'temporarily_unavailable', state } })
  t.match(Object.fromEntries(refused.headers), { 'ratelimit-limit': String(few), 'ratelimit-remaining': '0' })
  const seconds = Number(refused.headers.get('retry-after'))
  t.equal(Number(refused.headers.get('ratelimit-reset')), seconds)
  const policy = /^"([a-z-]+)";q=(\d+);w=(\d+)$/.exec(refused.headers.get('ratelimit-policy') ?? '')
  t.equal(policy?.[2], String(few))
  t.ok(seconds > 0 && seconds <= Number(policy?.[3]), 'the wait is within the window')
  t.equal(refused.headers.get('ratelimit'), `"${policy?.[1]}";r=0;t=${seconds}`)
  clock.advance(seconds * 1_000)
  t.equal((await a1(newUsername())).status, 200)
})

t.test('S11: while spraying uses up the overall quota, all accounts are refused alike', async (t) => {
  const before = newUsername()
  await a1(before)
  await race(few - 1, () => a1(newUsername()))
  t.same(statusesOf([await a1(before), await a1(newUsername())]), [429, 429])
})

t.test('S7: while spraying uses up the overall quota, an open restore continues', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer } = await askRestore(rekey, customer.email)
  await race(few - 1, () => a1(newUsername()))
  clock.advance(minuteMs)
  t.equal((await a1(newUsername())).status, 429)
  const mail = (await rekey.inbox.messagesTo(customer.email)).length
  const resent = await http.post('/oauth/v2/challenge', {
    challenge_type: `oob:email:t*${customer.email.split('@')[0]?.at(-1)}@example.com`,
    client_timezone: '-3',
    mfa_token: answer.body.mfa_token,
    response_type: 'code',
    state,
  })
  t.equal(resent.status, 200)
  await eventually(async () => (await rekey.inbox.messagesTo(customer.email)).length > mail, {
    what: 'the second code to arrive',
  })
})

t.test('S25: a code that could not be published is not counted', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  rekey.nats.pause()
  t.same(statusesOf(await race(2, () => a1(customer.email))), [503, 503])
  // The kill drops the requests that the paused broker has not read.
  await rekey.nats.kill()
  await rekey.nats.restart()
  await eventually(rekey.isReady, { what: 'every service to be ready again' })
  t.ok((await askRestore(rekey, customer.email)).confirmation)
})

/** Every endpoint that compares a client secret. */
const guesses: Record<string, () => Promise<Answer>> = {
  A1: () => a1(newUsername(), { client_id: 'front_end' }, basic('guessed')),
  'A5, client_credentials': () =>
    http.post('/oauth/v2/token', {
      grant_type: 'client_credentials',
      client_id: 'front_end',
      client_secret: 'guessed',
    }),
  'A5, mfa_oob': () =>
    http.post('/oauth/v2/token', {
      grant_type: 'mfa_oob',
      client_id: 'front_end',
      client_secret: 'guessed',
      mfa_token: 'a.b.c',
      code: '123456',
    }),
  'A6, introspect': () => http.post('/oauth/v2/introspect', { token: 'any' }, basic('guessed')),
  'A6, revoke': () => http.post('/oauth/v2/revoke', { token: 'any' }, basic('guessed')),
}

for (const [where, guess] of Object.entries(guesses)) {
  t.test(`wrong client secrets are limited: ${where}`, async (t) => {
    t.same(statusesOf(await race(few, guess)), Array(few).fill(401))
    t.equal((await guess()).status, 429)
  })
}

t.test('an authenticated client is not limited by its address', async (t) => {
  const token = () =>
    http.post('/oauth/v2/token', { grant_type: 'client_credentials', client_id: 'front_end', client_secret: secret })
  for (let count = 0; count < 3 * few; count += 1) {
    const { status } = await token()
    if (status !== 200) return t.fail(`request ${count + 1}: ${status}`)
  }
})

t.test('the users of an authenticated client are limited by their client-asserted IP', async (t) => {
  const user = (ip: string) => ({ client_id: 'front_end', ip })
  const username = newUsername()
  const { body } = await a1(username, user('203.0.113.1'), basic(secret))
  const answer = (ip: string) =>
    http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(body.mfa_token, '0000001', user(ip)),
      basic(secret),
    )
  t.same(statusesOf(await race(few, () => answer('203.0.113.1'))), Array(few).fill(400))
  t.equal((await answer('203.0.113.1')).status, 429)
  t.equal((await answer('203.0.113.2')).status, 400)
})

t.test('all addresses of an IPv6 /48 together get the wrong passwords of one address', async (t) => {
  const { email, password } = await createCustomer(rekey.postgres.url)
  const login = (ip: string, guess: string) =>
    http.post('/oauth/v2/login', loginBody({ email, password: guess }, { client_id: 'front_end', ip }), basic(secret))
  const guesses = []
  for (let count = 0; count < 4; count += 1) guesses.push(await login(`2001:db8:1:${count}::1`, 'a guess'))
  t.same(statusesOf(guesses), [400, 400, 429, 429])
  t.equal((await login('2001:db8:2::1', password)).status, 200, 'the customer can sign in from another network')
})

t.test('a new password on the hosted page spends the same quota as through the API', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = createVisitor(rekey.http)
  const page = await visitor.proveCode(rekey.inbox, customer.email)
  const finish = async (password: string) => problemOf(await visitor.submit(page, { password }))
  const passwords = Array.from({ length: few }, (_, index) => `short${index}`)
  const problems = await Promise.all(passwords.map(finish))
  for (const problem of problems) t.notMatch(problem, 'too many requests')
  t.match(await finish('another'), 'too many requests')
})
