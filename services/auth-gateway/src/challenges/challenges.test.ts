import { createHash } from 'node:crypto'
import { createCustomer } from '@rekey/test-support/customers'
import { askRestore, pkce, race, restoreBody, state, verificationBody, wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey
const minuteMs = 60_000

const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

const newRestore = async () => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  return { customer, confirmation, mfaToken: answer.body.mfa_token }
}

const resend = (mfaToken: unknown, email: string) =>
  http.post('/oauth/v2/challenge', {
    challenge_type: `oob:email:t*${email.split('@')[0]?.at(-1)}@example.com`,
    client_timezone: '-3',
    mfa_token: mfaToken,
    response_type: 'code',
    state,
  })

t.test('S1: a code has six digits and keeps its leading zeros', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const codes = new Set<string>()
  for (let count = 0; count < 40; count += 1) codes.add((await askRestore(rekey, customer.email)).confirmation)
  for (const code of codes) t.match(code, /^\d{6}$/)
  t.ok(codes.size > 35, 'the codes differ')
})

t.test('S2: a code expires after ten minutes', async (t) => {
  const first = await newRestore()
  rekey.clock.advance(10 * minuteMs - 5_000)
  t.equal((await verify(first.mfaToken, first.confirmation)).status, 200)
  const second = await newRestore()
  rekey.clock.advance(10 * minuteMs + 1)
  t.match(await verify(second.mfaToken, second.confirmation), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('a new code can be sent after a minute, replaces the old one, and keeps the failed attempts', async (t) => {
  const { mfaToken, confirmation, customer } = await newRestore()
  for (let count = 0; count < 4; count += 1) await verify(mfaToken, wrongCode(confirmation))
  const early = await resend(mfaToken, customer.email)
  t.match(early, { status: 429, body: { error: 'temporarily_unavailable', state } })
  t.ok(Number(early.headers.get('retry-after')) <= 60)

  rekey.clock.advance(minuteMs)
  const sent = await resend(mfaToken, customer.email)
  t.equal(sent.status, 200)
  t.same(Object.keys(sent.body), ['mfa_token', 'code', 'error', 'error_description', 'state'])
  await rekey.inbox.waitForMessage(customer.email, { after: 1 })
  t.match(
    await verify(sent.body.mfa_token, confirmation),
    { status: 400, body: { error: 'invalid_grant' } },
    'the replaced code',
  )
  t.match(
    await verify(sent.body.mfa_token, confirmation),
    { status: 400, body: { error: 'access_denied' } },
    'the sixth attempt',
  )
})

t.test('a code is not sent to a device that is not on offer', async (t) => {
  const { mfaToken } = await newRestore()
  rekey.clock.advance(minuteMs)
  // No test customer's address ends like this.
  const refused = await resend(mfaToken, 'xz@example.com')
  t.match(refused, { status: 400, body: { error: 'invalid_request', state } })
  t.match(String(refused.body.error_description), 'challenge_type')
})

t.test('S8: Redis stores an HMAC of the code, and neither the code nor the username', async (t) => {
  const { confirmation, customer } = await newRestore()
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.quit())
  const records = await Promise.all(
    (await redis.keys('rekey:*:challenge:*')).map(async (key) => ({ key, ...(await redis.hgetall(key)) })),
  )
  const values = records.flatMap((record) => Object.values(record))
  for (const { codeMac } of records as { codeMac?: string }[]) t.match(codeMac, /^[\w-]{43}$/)
  const plain = createHash('sha256').update(confirmation).digest('base64url')
  t.notOk(values.includes(plain), 'the hash needs a key')
  t.notOk(values.some((value) => value.includes(confirmation) || value.includes(customer.email)))
})

t.test('S10: an authorization code has 256 bits, and each request gets its own token', async (t) => {
  const { mfaToken, confirmation } = await newRestore()
  const body = verificationBody(mfaToken, confirmation, { response_type: 'code', ...pkce })
  const { code } = (await http.post('/oauth/v2/passwordRestoreVerification', body)).body
  t.equal(Buffer.from(String(code), 'base64url').length, 32)
  const answers = await race(20, () => http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com')))
  t.equal(new Set(answers.map(({ body }) => body.mfa_token)).size, 20)
})

t.test('every challenge has a TTL in Redis', async (t) => {
  await newRestore()
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.quit())
  for (const key of await redis.keys('rekey:*')) t.ok((await redis.pttl(key)) > 0, key)
})
