import { createCustomer } from '@rekey/test-support/customers'
import {
  claimsOf,
  codeVerifier,
  login,
  pkce,
  reset,
  restoreBody,
  restoreGrant,
  signsIn,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver, newPassword, verification } from './second-proofs.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const { enrolled, choose, prove, setPassword, secondProofOf, sendCode } = createProver(rekey)

t.test('S23: B2 with one proof is refused before the password is looked at, and spends nothing', async (t) => {
  const person = await enrolled()
  const first = await restoreGrant(rekey, person)
  for (const password of [newPassword, '1', 'x'.repeat(500)]) {
    const refused = await setPassword(first, password)
    t.equal(refused.status, 403)
    t.match(refused.body, { code: 'second_proof_required', status: 403, mfaToken: String })
    const { challengeTypes } = refused.body as { challengeTypes: string[] }
    t.match(challengeTypes, ['otp', /^oob:sms:/, 'recovery_code'], 'the proven e-mail is not offered')
    t.equal(challengeTypes.length, 3)
  }
  t.ok(await signsIn(rekey, person, person.password))
  const proven = await prove((await setPassword(first)).body.mfaToken, 'mfa_otp', person.nextOtp())
  t.equal((await setPassword(proven.body.sign_token)).status, 204)
  t.equal((await setPassword(first)).body.code, 'success_token_refused', 'one restore has one password')
  t.ok(await signsIn(rekey, person, newPassword))
})

t.test('S23: A3 with one proof is answered mfa_required, and its access token changes nothing', async (t) => {
  const person = await enrolled()
  const first = await restoreGrant(rekey, person, 'access_token')
  for (const body of [{}, { password: newPassword }]) {
    const refused = await reset(rekey, first, body)
    t.equal(refused.status, 403)
    t.match(refused.body, {
      error: 'mfa_required',
      error_description: String,
      challenge_type: ['otp', /^oob:sms:/, 'recovery_code'],
      binding_method: 'prompt',
      mfa_token: String,
    })
  }
  t.ok(await signsIn(rekey, person, person.password))
  const { body } = await reset(rekey, first, { password: newPassword })
  const proven = await prove(body.mfa_token, 'mfa_otp', person.nextOtp(), { response_type: 'access_token' })
  t.equal((await reset(rekey, String(proven.body.access_token), { password: newPassword })).status, 200)
})

t.test('each method is a second proof, at A2 and at B6, and the grant carries both proofs', async (t) => {
  const byA2 = {
    otp: (token: string, person: Awaited<ReturnType<typeof enrolled>>) => prove(token, 'mfa_otp', person.nextOtp()),
    recovery_code: (token: string, { recoveryCodes: [code = ''] }: Awaited<ReturnType<typeof enrolled>>) =>
      prove(token, 'mfa_recovery_code', code),
  }
  const methods = { otp: 'totp', recovery_code: 'recovery_code' }
  const amr = { otp: ['mca', 'otp'], recovery_code: ['mca'] }
  for (const type of ['otp', 'recovery_code'] as const) {
    const person = await enrolled()
    const { mfaToken } = await secondProofOf(person)
    const chosen = await choose(mfaToken, type)
    t.match(chosen, { status: 200, body: { error: 'mfa_code_required', state } })
    t.equal(chosen.body.code, undefined)
    const proven = await byA2[type](String(chosen.body.mfa_token), person)
    const claims = claimsOf(String(proven.body.sign_token)) as { proofs: { method: string; at: number }[] }
    t.same(
      claims.proofs.map(({ method }) => method),
      ['email', methods[type]],
    )
    t.match(claims, { amr: amr[type], auth_time: Math.min(...claims.proofs.map(({ at }) => at)) })
    t.equal((await setPassword(proven.body.sign_token)).status, 204, type)
  }

  const person = await enrolled()
  const { mfaToken, challengeTypes } = await secondProofOf(person)
  const { answer, confirmation } = await sendCode(mfaToken, challengeTypes[1] ?? '', person.phone)
  const proven = await prove(answer.body.mfa_token, 'mfa_oob', confirmation)
  t.equal((await setPassword(proven.body.sign_token)).status, 204, 'SMS')

  for (const type of ['otp', 'recovery_code', undefined]) {
    const other = await enrolled()
    const second = await secondProofOf(other)
    const token = type ? (await choose(second.mfaToken, type)).body.mfa_token : second.mfaToken
    const code = type === 'recovery_code' ? other.recoveryCodes[1] : other.nextOtp()
    const verified = await http.post('/api/v2/my/2fa/challenge', { token, code })
    t.equal((await setPassword(verified.body.successToken)).status, 204, `B6, ${type ?? 'nothing chosen'}`)
  }
})

t.test('A2 gives the second proof as an authorization code too, which A5 redeems with PKCE', async (t) => {
  const person = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  const code = person.nextOtp()
  const body = { response_type: 'code', redirect_uri: 'http://localhost' }
  t.match(await prove(mfaToken, 'mfa_otp', code, body), { status: 400, body: { error: 'invalid_request' } })
  const proven = await prove(mfaToken, 'mfa_otp', code, { ...body, ...pkce })
  t.equal(proven.status, 200, 'a request that could not be used cost nothing')
  const redeemed = await http.post('/oauth/v2/token', {
    grant_type: 'authorization_code',
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    code: proven.body.code,
    code_verifier: codeVerifier,
  })
  t.equal((await setPassword(redeemed.body.access_token)).status, 204)
})

t.test(
  'S3: of parallel right second proofs one leads to a grant, and the token opens nothing afterwards',
  async (t) => {
    const person = await enrolled()
    const { first, mfaToken } = await secondProofOf(person)
    const code = person.nextOtp()
    const answers = await Promise.all(Array.from({ length: 4 }, () => prove(mfaToken, 'mfa_otp', code)))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.match(await prove(mfaToken, 'mfa_otp', person.nextOtp()), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await choose(mfaToken, 'otp'), { status: 400, body: { error: 'invalid_grant' } })
    const again = (await setPassword(first)).body.mfaToken
    t.match(await prove(again, 'mfa_otp', person.nextOtp()), { status: 400, body: { error: 'invalid_grant' } })
  },
)

t.test('a customer without an enrolled method restores with one proof', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const first = await restoreGrant(rekey, person)
  t.match(claimsOf(first), { proofs: [{ method: 'email' }], amr: ['mca'] })
  t.equal((await setPassword(first)).status, 204)
})

t.test('S60: before the first proof nothing depends on the methods of a customer', async (t) => {
  const people = [await createCustomer(rekey.postgres.url), await enrolled()]
  const shapes = await Promise.all(
    people.map(async ({ email }) => {
      const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(email))
      const other = await http.post(verification, {
        ...verificationBody(body.mfa_token, '000000'),
        grant_type: 'mfa_otp',
      })
      return [Object.keys(body), other.status, other.text]
    }),
  )
  t.same(shapes[0], shapes[1])
})

t.test('a recovery code and a code of the app are no first proof', async (t) => {
  const person = await enrolled()
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(person.email))
  const [code = ''] = person.recoveryCodes
  t.match(await prove(body.mfa_token, 'mfa_otp', person.nextOtp()), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await prove(body.mfa_token, 'mfa_recovery_code', code), { status: 400, body: { error: 'invalid_grant' } })
  t.equal((await login(rekey, person)).status, 200)
})
