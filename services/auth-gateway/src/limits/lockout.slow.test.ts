import { hashForLog } from '@rekey/platform/logger'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  backOfficeToken,
  claimsOf,
  codesOf,
  loginBody,
  race,
  restoreBody,
  signIn,
  state,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'

const rekey = await startRekey(t)
const { http, clock } = rekey
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

const requestRestore = (username: string) => http.post('/oauth/v2/passwordRestore', restoreBody(username))
const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

/** Submits five wrong codes to each of several new challenges of an account, which need not exist. */
const failAt = async (username: string, challenges: number) => {
  for (let count = 0; count < challenges; count += 1) {
    const { mfa_token } = (await requestRestore(username)).body
    // Never the right one: a code has six digits.
    await race(5, () => verify(mfa_token, '0000001'))
  }
}

const logged = (event: string) =>
  rekey.logs.map((line) => JSON.parse(line)).filter((line: { event?: string }) => line.event === event)

/** True if the customer's restore leads to a grant. */
const canRestore = async (customer: TestCustomer): Promise<boolean> => {
  const before = (await rekey.inbox.messagesTo(customer.email)).length
  const { body } = await requestRestore(customer.email)
  const challenge = hashForLog(String(claimsOf(String(body.mfa_token)).sub))
  // Only the log reveals that a code was suppressed.
  const sent = await eventually(
    async () => {
      const messages = await rekey.inbox.messagesTo(customer.email)
      const code = messages.slice(0, messages.length - before).find(({ Text }) => Text.includes(String(body.code)))
      if (code) return codesOf(code).confirmation
      return logged('code_not_sent').some((line) => line.challenge === challenge) ? 'none' : undefined
    },
    { what: 'a code, or the log line that none is sent' },
  )
  return sent !== 'none' && (await verify(body.mfa_token, sent)).status === 200
}

/** The gateway's keys of failed attempts. */
const failedAttemptsKeys = async () => new Set(await redis.keys('*:budget:*'))
const keySince = async (before: Set<string>) => {
  const [key = '', ...more] = [...(await failedAttemptsKeys())].filter((one) => !before.has(one))
  t.same(more, [])
  return key
}
/** The customer's failed attempts at the password-service. */
const failedAttemptsOf = async ({ id }: TestCustomer) =>
  (await sql(rekey.postgres.url, 'SELECT 1 FROM restore_failure WHERE customer_id = $1', [id])).length
const countedLockedOut = async (action: string) => {
  const { values } = (await rekey.metrics['auth-gateway'].getSingleMetric('rekey_limits_exceeded_total')?.get()) ?? {}
  return values?.find(({ labels }) => labels.by === 'budget' && labels.action === action)?.value ?? 0
}

t.test('S6: each lockout is twice as long as the one before, a day at most', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (const minutes of [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440]) {
    await failAt(customer.email, 2)
    clock.advance((minutes - 1) * minuteMs)
    t.equal(await canRestore(customer), false, `one minute before the end of ${minutes}`)
    clock.advance(minuteMs)
  }
  t.equal(await canRestore(customer), true, 'the right code clears the failed attempts')
  await failAt(customer.email, 2)
  clock.advance(10 * minuteMs)
  t.equal(await canRestore(customer), true, 'the next lockout is short again')
})

t.test('S6: after a hundred failed attempts restore is locked until the back office lifts it', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const before = await failedAttemptsKeys()
  for (let lockouts = 1; lockouts <= 10; lockouts += 1) {
    await failAt(customer.email, 2)
    await eventually(async () => (await failedAttemptsOf(customer)) === lockouts * 10, {
      what: 'the password-service to count the failed attempts',
    })
    clock.advance(dayMs)
  }
  const key = await keySince(before)
  const lastsMs = await redis.pttl(key)
  t.ok(lastsMs > 29 * dayMs && lastsMs <= 30 * dayMs, 'the gateway keeps it for thirty days')
  t.equal(await canRestore(customer), false)
  clock.advance(30 * dayMs)
  await redis.del(key)
  t.equal(await canRestore(customer), false, 'the password-service keeps it for good')
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization })
  t.equal(lifted.status, 204)
  await eventually(() => canRestore(customer), { what: 'a restore to succeed' })
})

t.test('S6: the gateway keeps failed attempts of unknown usernames for two days at most', async (t) => {
  const before = await failedAttemptsKeys()
  const { mfa_token } = (await requestRestore('nobody.at.all@example.com')).body
  for (const failures of ['1', '2']) {
    await verify(mfa_token, '0000001')
    const key = await keySince(before)
    t.equal(await redis.hget(key, 'failures'), failures)
    const lastsMs = await redis.pttl(key)
    t.ok(lastsMs > 47 * 60 * minuteMs && lastsMs <= 2 * dayMs)
  }
})

t.test('S6: failed attempts at sign-in lock sign-in for a day at most', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const before = await failedAttemptsKeys()
  const login = () => http.post<{ challenge_type: string[]; mfa_token: string }>('/oauth/v2/login', loginBody(customer))
  const fail = async () => {
    const { mfa_token, challenge_type } = (await login()).body
    const choice = { challenge_type: challenge_type[0], client_timezone: '-3', mfa_token, response_type: 'code', state }
    t.equal((await http.post('/oauth/v2/challenge', choice)).status, 200)
    await race(5, () => http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code: '0000001' }))
  }
  for (let lockouts = 0; lockouts < 11; lockouts += 1) {
    await fail()
    await fail()
    if (lockouts < 10) clock.advance(dayMs)
  }
  const key = await keySince(before)
  t.equal(await redis.hget(key, 'failures'), '110')
  const lastsMs = await redis.pttl(key)
  t.ok(lastsMs > 89 * dayMs && lastsMs <= 90 * dayMs)

  const counted = await countedLockedOut('login')
  const refused = await login()
  t.match(refused, { status: 429, body: { error: 'temporarily_unavailable' } })
  const seconds = Number(refused.headers.get('retry-after'))
  t.ok(seconds > 23 * 3_600 && seconds <= 24 * 3_600)
  t.equal(refused.headers.get('ratelimit-limit'), '10')
  t.equal((await countedLockedOut('login')) - counted, 1)
  t.equal((await http.post('/oauth/v2/login', loginBody({ ...customer, password: 'a guess' }))).status, 400)
  const account = hashForLog(/{(.+)}/.exec(key)?.[1] ?? '')
  const about = { account, address: '127.0.0.1', clientId: 'ib_localhost' }
  t.match(logged('excess_rate_limit_exceeded').at(-1), {
    ...about,
    action: 'answer',
    by: 'budget',
    allowance: 10,
    retryAfterSeconds: 86_400,
  })
  t.match(logged('authn_challenge_fail').at(-1), {
    ...about,
    reason: 'locked_out',
    purpose: 'login',
    customer: customer.code,
    retryAfterSeconds: seconds,
  })
  clock.advance(dayMs)
  t.ok(await signIn(rekey, customer), 'the lockout ends without a right code')
  t.notOk(await redis.exists(key))
})

t.test('S6: failed attempts at a change lock changes, and neither restore nor sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  for (let count = 0; count < 2; count += 1) {
    const { answer, confirmation } = await askChange(rekey, customer, accessToken)
    const { token } = answer.body
    await race(5, () => http.post('/api/v2/my/2fa/challenge', { token, code: wrongCode(confirmation) }))
  }
  const refused = await http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', {
    authorization: `Bearer ${accessToken}`,
  })
  t.match(refused, { status: 429, body: { code: 'too_many_requests' } })
  t.ok(Number(refused.headers.get('retry-after')) <= 600)
  t.equal(refused.headers.get('ratelimit-limit'), '10')
  t.match(logged('authn_challenge_fail').at(-1), { reason: 'locked_out', purpose: 'change', customer: customer.code })
  t.equal(await canRestore(customer), true)
  t.ok(await signIn(rekey, customer))
})

t.test('S35: each request during a lockout is counted, and the lockout is reported once', async (t) => {
  const username = 'nobody.to.be.locked.out@example.com'
  const opened = await Promise.all([requestRestore(username), requestRestore(username), requestRestore(username)])
  const tokens = opened.map(({ body }) => body.mfa_token)
  const [codes, answers] = [await countedLockedOut('code'), await countedLockedOut('answer')]
  const reported = logged('excess_rate_limit_exceeded').length
  for (const token of tokens) await race(5, () => verify(token, '0000001'))
  t.equal(
    (await countedLockedOut('answer')) - answers,
    1 + 5,
    'the tenth failed attempt, and five more during the lockout',
  )
  await race(3, () => requestRestore(username))
  t.equal((await countedLockedOut('code')) - codes, 3)
  t.equal(logged('excess_rate_limit_exceeded').length - reported, 1)
})
