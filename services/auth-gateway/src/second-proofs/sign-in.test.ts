import { createCustomer } from '@rekey/test-support/customers'
import { claimsOf, login, messageAfter, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver } from './second-proofs.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const { enrolled, choose } = createProver(rekey)

const complete = (mfaToken: unknown, grantType: string, code: string | number) =>
  http.post('/oauth/v2/token', { grant_type: grantType, mfa_token: mfaToken, code, state })

t.test('A4 lists otp first and recovery_code last for a customer with both, and devices only without', async (t) => {
  const { email, phone } = await createCustomer(rekey.postgres.url)
  const plain = await login(rekey, { email, password: 'an old password' })
  const devices = [
    `oob:email:t*${email.split('@')[0]?.at(-1)}@example.com`,
    `oob:sms:${phone.slice(0, 3)}*******${phone.slice(-2)}`,
  ]
  t.same(plain.body.challenge_type, devices)
  const person = await enrolled()
  const { body } = await login(rekey, person)
  t.equal(body.challenge_type[0], 'otp')
  t.equal(body.challenge_type.at(-1), 'recovery_code')
  t.equal(body.challenge_type.length, 4)
  const wrong = await login(rekey, { ...person, password: 'wrong' })
  t.same(wrong.body, (await login(rekey, { email: 'nobody@example.com', password: 'wrong' })).body)
})

t.test('A4b with otp or recovery_code answers without a verification code, and sends nothing', async (t) => {
  const person = await enrolled()
  const { body } = await login(rekey, person)
  for (const type of ['otp', 'recovery_code']) {
    const answer = await choose(body.mfa_token, type)
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.body), ['mfa_token', 'error', 'error_description', 'state'])
    t.match(answer.body, { error: 'mfa_code_required', state })
  }
  t.same(await rekey.inbox.messagesTo(person.email), [])
})

t.test('A5 takes the code of each method, says it in amr, and takes it once', async (t) => {
  const person = await enrolled()
  const [recoveryCode = ''] = person.recoveryCodes
  const cases = [
    ['mfa_otp', () => person.nextOtp(), ['pwd', 'otp', 'mfa']],
    ['mfa_recovery_code', () => recoveryCode.toLowerCase().replaceAll('-', ' '), ['pwd', 'mfa']],
  ] as const
  for (const [grantType, next, amr] of cases) {
    const code = next()
    const { body } = await login(rekey, person)
    const signedIn = await complete(body.mfa_token, grantType, code)
    t.equal(signedIn.status, 200, grantType)
    t.same(claimsOf(String(signedIn.body.access_token)).amr, amr)
    const refreshed = await http.post('/oauth/v2/token', {
      grant_type: 'refresh_token',
      refresh_token: signedIn.body.refresh_token,
    })
    t.same(claimsOf(String(refreshed.body.access_token)).amr, amr, 'a refresh keeps it')
    const again = await login(rekey, person)
    t.match(await complete(again.body.mfa_token, grantType, code), { status: 400, body: { error: 'invalid_grant' } })
  }
})

t.test('amr of a sign-in by e-mail and by SMS (RFC 8176)', async (t) => {
  const person = await enrolled()
  for (const [place, to, amr] of [
    [1, person.email, ['pwd', 'mca']],
    [2, person.phone, ['pwd', 'sms', 'mfa']],
  ] as const) {
    const { body } = await login(rekey, person)
    const { confirmation } = await messageAfter(rekey, to, () =>
      choose(body.mfa_token, body.challenge_type[place] ?? ''),
    )
    const signedIn = await complete(body.mfa_token, 'mfa_oob', confirmation)
    t.same(claimsOf(String(signedIn.body.access_token)).amr, amr)
  }
})

t.test('auth_time of a sign-in is the time of the password, the older of its two proofs', async (t) => {
  const person = await enrolled()
  const { body } = await login(rekey, person)
  rekey.clock.advance(240_000)
  const { access_token } = (await complete(body.mfa_token, 'mfa_otp', person.nextOtp())).body
  const { iat, auth_time } = claimsOf(String(access_token))
  t.ok(Number(iat) - Number(auth_time) >= 240)
})

t.test('S5: of thirty wrong codes of a sign-in five are verified, and a right one after them is refused', async (t) => {
  const person = await enrolled()
  const { body } = await login(rekey, person)
  const answers = await Promise.all(Array.from({ length: 30 }, () => complete(body.mfa_token, 'mfa_otp', '000000')))
  const errors = answers.map(({ body }) => body.error)
  t.equal(errors.filter((error) => error === 'invalid_grant').length, 5)
  t.equal(errors.filter((error) => error === 'access_denied').length, 25)
  t.match(await complete(body.mfa_token, 'mfa_otp', person.nextOtp()), { body: { error: 'access_denied' } })
})
