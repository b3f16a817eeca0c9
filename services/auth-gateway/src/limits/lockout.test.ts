import { hashForLog } from '@rekey/platform/logger'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  backOfficeToken,
  claimsOf,
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

const ask = (username: string) => http.post('/oauth/v2/passwordRestore', restoreBody(username))
const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

/** Five wrong codes each for new challenges of an account. Whether it exists makes no difference. */
const failAt = async (username: string, challenges: number) => {
  for (let count = 0; count < challenges; count += 1) {
    const { mfa_token } = (await ask(username)).body
    // One that cannot be right: a code has six digits.
    await race(5, () => verify(mfa_token, '0000001'))
  }
}

const logged = (event: string) =>
  rekey.logs.map((line) => JSON.parse(line)).filter((line: { event?: string }) => line.event === event)

/** Whether a restore of the customer gets as far as a grant. */
const canRestore = async (customer: TestCustomer): Promise<boolean> => {
  const before = (await rekey.inbox.messagesTo(customer.email)).length
  const { body } = await ask(customer.email)
  const challenge = hashForLog(String(claimsOf(String(body.mfa_token)).sub))
  // What is not sent is only told by the log.
  const sent = await eventually(
    async () => {
      const messages = await rekey.inbox.messagesTo(customer.email)
      const code = messages.slice(0, messages.length - before).find(({ Text }) => Text.includes(String(body.code)))
      if (code) return /^Confirmation code: (\d+)$/m.exec(code.Text)?.[1]
      return logged('code_not_sent').some((line) => line.challenge === challenge) ? 'none' : undefined
    },
    { what: 'a code, or that there is none' },
  )
  return sent !== 'none' && (await verify(body.mfa_token, sent)).status === 200
}
/** What the gateway remembers of an account that wrong codes were given for. */
const budgetsNow = async () => new Set(await redis.keys('*:budget:*'))
const budgetSince = async (before: Set<string>) => {
  const [key = '', ...more] = [...(await budgetsNow())].filter((budget) => !before.has(budget))
  t.same(more, [])
  return key
}
/** Wrong codes that the password-service counts against a person. */
const failuresOf = async ({ id }: TestCustomer) =>
  (await sql(rekey.postgres.url, 'SELECT 1 FROM restore_failure WHERE customer_id = $1', [id])).length
const countedBlocked = async (action: string) => {
  const { values } = (await rekey.metrics['auth-gateway'].getSingleMetric('rekey_limits_exceeded_total')?.get()) ?? {}
  return values?.find(({ labels }) => labels.by === 'budget' && labels.action === action)?.value ?? 0
}

t.test('S6 each further ten block for twice as long, a day at most', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (const minutes of [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440]) {
    await failAt(customer.email, 2)
    clock.advance((minutes - 1) * minuteMs)
    t.equal(await canRestore(customer), false, `one minute before ${minutes}`)
    clock.advance(minuteMs)
  }
  t.equal(await canRestore(customer), true, 'and the right code forgives all')
  await failAt(customer.email, 2)
  clock.advance(10 * minuteMs)
  t.equal(await canRestore(customer), true, 'so that it begins anew')
})

t.test('S6 after a hundred wrong codes restore is off until the back office lifts it', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const before = await budgetsNow()
  for (let blocks = 1; blocks <= 10; blocks += 1) {
    await failAt(customer.email, 2)
    await eventually(async () => (await failuresOf(customer)) === blocks * 10, {
      what: 'the password-service to count',
    })
    clock.advance(dayMs)
  }
  const budget = await budgetSince(before)
  const lastsMs = await redis.pttl(budget)
  t.ok(lastsMs > 29 * dayMs && lastsMs <= 30 * dayMs, 'the gateway forgets it after thirty days')
  t.equal(await canRestore(customer), false)
  clock.advance(30 * dayMs)
  await redis.del(budget)
  t.equal(await canRestore(customer), false, 'the password-service does not')
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization })
  t.equal(lifted.status, 204)
  await eventually(() => canRestore(customer), { what: 'restore to be back' })
})

t.test(
  'S6 of usernames that anybody may invent the gateway remembers no more than twice the longest block',
  async (t) => {
    const before = await budgetsNow()
    const { mfa_token } = (await ask('nobody.at.all@example.com')).body
    for (const failures of ['1', '2']) {
      await verify(mfa_token, '0000001')
      const budget = await budgetSince(before)
      t.equal(await redis.hget(budget, 'failures'), failures)
      const lastsMs = await redis.pttl(budget)
      t.ok(lastsMs > 47 * 60 * minuteMs && lastsMs <= 2 * dayMs)
    }
  },
)

t.test('S6 wrong codes of sign-ins, whose passwords were right, block sign-in for a day at most', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const before = await budgetsNow()
  const login = () => http.post<{ challenge_type: string[]; mfa_token: string }>('/oauth/v2/login', loginBody(customer))
  const fail = async () => {
    const { mfa_token, challenge_type } = (await login()).body
    const choice = { challenge_type: challenge_type[0], client_timezone: '-3', mfa_token, response_type: 'code', state }
    t.equal((await http.post('/oauth/v2/challenge', choice)).status, 200)
    await race(5, () => http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code: '0000001' }))
  }
  for (let blocks = 0; blocks < 11; blocks += 1) {
    await fail()
    await fail()
    if (blocks < 10) clock.advance(dayMs)
  }
  const budget = await budgetSince(before)
  t.equal(await redis.hget(budget, 'failures'), '110')
  const lastsMs = await redis.pttl(budget)
  t.ok(lastsMs > 89 * dayMs && lastsMs <= 90 * dayMs)

  const counted = await countedBlocked('login')
  const refused = await login()
  t.match(refused, { status: 429, body: { error: 'temporarily_unavailable' } })
  const seconds = Number(refused.headers.get('retry-after'))
  t.ok(seconds > 23 * 3_600 && seconds <= 24 * 3_600)
  t.equal(refused.headers.get('ratelimit-limit'), '10')
  t.equal((await countedBlocked('login')) - counted, 1)
  t.equal((await http.post('/oauth/v2/login', loginBody({ ...customer, password: 'a guess' }))).status, 400)
  const account = hashForLog(/{(.+)}/.exec(budget)?.[1] ?? '')
  const told = { account, address: '127.0.0.1', clientId: 'ib_localhost' }
  t.match(logged('excess_rate_limit_exceeded').at(-1), {
    ...told,
    action: 'answer',
    by: 'budget',
    allowance: 10,
    retryAfterSeconds: 86_400,
  })
  t.match(logged('authn_challenge_fail').at(-1), {
    ...told,
    reason: 'locked_out',
    purpose: 'login',
    customer: customer.code,
    retryAfterSeconds: seconds,
  })
  clock.advance(dayMs)
  t.ok(await signIn(rekey, customer), 'and no right code is needed to lift it')
  t.notOk(await redis.exists(budget))
})

t.test('S6 wrong codes of a change block changes, and neither restore nor sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  for (let count = 0; count < 2; count += 1) {
    const { answer, confirmation } = await askChange(rekey, customer, accessToken)
    const { token } = answer.body
    await race(5, () => http.post('/api/v2/my/2fa/challenge', { token, code: wrongCode(confirmation) }))
  }
  const blocked = await http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', {
    authorization: `Bearer ${accessToken}`,
  })
  t.match(blocked, { status: 429, body: { code: 'too_many_requests' } })
  t.ok(Number(blocked.headers.get('retry-after')) <= 600)
  t.equal(blocked.headers.get('ratelimit-limit'), '10')
  t.match(logged('authn_challenge_fail').at(-1), { reason: 'locked_out', purpose: 'change', customer: customer.code })
  t.equal(await canRestore(customer), true)
  t.ok(await signIn(rekey, customer))
})

t.test('S35 what is asked for while wrong codes block an account is counted each time, and told once', async (t) => {
  const username = 'nobody.to.be.blocked@example.com'
  const opened = await Promise.all([ask(username), ask(username), ask(username)])
  const tokens = opened.map(({ body }) => body.mfa_token)
  const [codes, answers] = [await countedBlocked('code'), await countedBlocked('answer')]
  const told = logged('excess_rate_limit_exceeded').length
  for (const token of tokens) await race(5, () => verify(token, '0000001'))
  t.equal((await countedBlocked('answer')) - answers, 1 + 5, 'the tenth wrong code, and the five after it')
  await race(3, () => ask(username))
  t.equal((await countedBlocked('code')) - codes, 3)
  t.equal(logged('excess_rate_limit_exceeded').length - told, 1)
})
