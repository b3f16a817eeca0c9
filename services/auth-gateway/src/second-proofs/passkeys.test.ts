import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  change,
  changeGrant,
  claimsOf,
  login,
  restoreBody,
  signIn,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver, verification } from './second-proofs.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const { choose, enrolPasskey, setPassword, secondProofOf } = createProver(rekey)
const origin = rekey.url

type Request = { rpId: string; challenge: string; allowCredentials: { id: string }[] }
/** A customer with a passkey, signed in. */
const enrolled = async (isSynced = false) => {
  const person = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, person)
  return { ...person, accessToken, passkey: await enrolPasskey(person, accessToken, isSynced) }
}

/** A4b. */
const request = async (mfaToken: unknown) => {
  const { status, body } = await choose(mfaToken, 'webauthn')
  if (status !== 200) throw new Error(`A4b was answered ${status} ${JSON.stringify(body)}`)
  return { mfaToken: body.mfa_token, publicKey: body.publicKey as unknown as Request }
}
/** A2. */
const prove = (mfaToken: unknown, credential: object, other: object = {}) => {
  const { code: _, ...body } = verificationBody(mfaToken, '')
  return http.post(verification, { ...body, grant_type: 'mfa_webauthn', credential, ...other })
}
/** A5. */
const complete = (mfaToken: unknown, credential: unknown) =>
  http.post('/oauth/v2/token', { grant_type: 'mfa_webauthn', mfa_token: mfaToken, credential, state })
/** B6. */
const answer = (body: object) => http.post('/api/v2/my/2fa/challenge', body)

t.test(
  'A4 lists webauthn first, A4b answers with the request for it, A5 takes it and says how its key is kept',
  async (t) => {
    for (const isSynced of [false, true]) {
      const { passkey, ...person } = await enrolled(isSynced)
      const { body } = await login(rekey, person)
      t.equal(body.challenge_type[0], 'webauthn')
      const { publicKey: asked } = await request(body.mfa_token)
      t.match(asked, { rpId: '127.0.0.1', userVerification: 'required', allowCredentials: [{ id: passkey.id }] })
      let mfaToken: unknown
      let assertion = {}
      // A busy machine may have used an assertion up and answered 503: the next sign-in has another one.
      const signedIn = await patiently(async () => {
        const next = await request((await login(rekey, person)).body.mfa_token)
        mfaToken = next.mfaToken
        assertion = passkey.get(next.publicKey)
        return complete(mfaToken, assertion)
      })
      t.equal(signedIn.status, 200)
      t.same(claimsOf(String(signedIn.body.access_token)).amr, ['pwd', isSynced ? 'swk' : 'hwk', 'mfa'])
      t.match(await complete(mfaToken, assertion), { status: 400, body: { error: 'invalid_grant' } })
      const again = await login(rekey, person)
      t.match(await complete(again.body.mfa_token, assertion), { status: 400, body: { error: 'invalid_grant' } })
    }
  },
)

t.test(
  'S23 S53: a restore is completed by a passkey, at A2 and at B6, and the grant carries both proofs',
  async (t) => {
    const { passkey, ...person } = await enrolled()
    const second = await secondProofOf(person)
    t.match(second.challengeTypes, ['webauthn', /^oob:sms:/])
    const proven = await patiently(async () => {
      const { mfaToken, publicKey } = await request(second.mfaToken)
      return prove(mfaToken, passkey.get(publicKey))
    })
    const claims = claimsOf(String(proven.body.sign_token)) as { proofs: { method: string; key?: string }[] }
    t.match(claims, { proofs: [{ method: 'email' }, { method: 'passkey', key: 'hwk' }], amr: ['mca', 'hwk'] })
    t.equal((await setPassword(proven.body.sign_token)).status, 204)

    const next = await secondProofOf(person)
    const verified = await patiently(async () => {
      const { mfaToken, publicKey } = await request(next.mfaToken)
      return answer({ token: mfaToken, credential: passkey.get(publicKey) })
    })
    t.equal((await setPassword(verified.body.successToken, 'yet another password')).status, 204)
  },
)

t.test('S57: B5 asks for the passkey, which proves a change of factors, beside an app too', async (t) => {
  const { passkey, accessToken, ...person } = await enrolled()
  const open = () => http.get('/api/v2/my/2fa/challenge?businessProcess=changeFactors', asBearer(accessToken))
  const { body } = await open()
  t.match(body, { provider: 'webauthn', publicKey: { allowCredentials: [{ id: passkey.id }] } })
  const { publicKey } = body as unknown as { publicKey: Request }
  const { successToken } = (await answer({ token: body.token, credential: passkey.get(publicKey) })).body
  t.match(claimsOf(String(successToken)), { purpose: 'changeFactors', proofs: [{ method: 'passkey' }] })
  const headers = { ...asBearer(accessToken), successToken: String(successToken) }
  t.equal((await http.get('/api/v2/my/factors', headers)).status, 200)

  const { nextOtp } = await createProver(rekey).enrol(person)
  const both = await open()
  t.equal(both.body.provider, 'webauthn')
  t.equal((await answer({ token: both.body.token, code: nextOtp() })).status, 200, 'digits are those of the app')
})

t.test('S53: a change of the password is completed by a passkey', async (t) => {
  const { passkey, accessToken, ...person } = await enrolled()
  const refused = await change(rekey, accessToken, await changeGrant(rekey, person, accessToken), 'Qwerty123')
  t.match(refused, { status: 403, body: { code: 'second_proof_required', challengeTypes: ['webauthn', /^oob:sms/] } })
  const { mfaToken, publicKey } = await request(refused.body.mfaToken)
  const { successToken } = (await answer({ token: mfaToken, credential: passkey.get(publicKey) })).body
  t.equal((await change(rekey, accessToken, String(successToken), 'Qwerty123')).status, 204)
})

t.test('S56 S5: a wrong, foreign or forged assertion costs one attempt, and five lock the challenge', async (t) => {
  const { passkey, ...person } = await enrolled()
  const other = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  const asked = await request(mfaToken)
  const foreign = await request((await secondProofOf(other)).mfaToken)
  const wrong = [
    passkey.get(asked.publicKey, { isUserVerified: false }),
    passkey.get(asked.publicKey, { origin: 'https://evil.example' }),
    passkey.get(foreign.publicKey),
    other.passkey.get(asked.publicKey),
    passkey.get(asked.publicKey, { isForged: true }),
  ]
  for (const assertion of wrong) {
    t.match(await prove(asked.mfaToken, assertion), { status: 400, body: { error: 'invalid_grant' } })
  }
  const { status, body } = await prove(asked.mfaToken, passkey.get(asked.publicKey))
  t.match({ status, body }, { status: 400, body: { error: 'access_denied' } })
})

t.test('S3: of parallel right assertions one leads to a grant', async (t) => {
  const { passkey, ...person } = await enrolled()
  const race = async () => {
    const { mfaToken, publicKey } = await request((await secondProofOf(person)).mfaToken)
    const assertion = passkey.get(publicKey)
    const answers = await Promise.all(Array.from({ length: 4 }, () => prove(mfaToken, assertion)))
    return answers.map(({ status }) => status).filter((status) => status === 200 || status === 503)
  }
  // On a busy machine none may get an answer in time.
  const statuses = await eventually(async () => {
    const found = await race()
    return found.includes(200) || !found.includes(503) ? found : undefined
  })
  t.equal(statuses.filter((status) => status === 200).length, 1)
})

t.test('S60: before the first proof a passkey is neither asked for nor taken, whoever has one', async (t) => {
  const { passkey, ...person } = await enrolled()
  const shapes = await Promise.all(
    [person, await createCustomer(rekey.postgres.url)].map(async ({ email }) => {
      const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(email))
      const asked = await choose(body.mfa_token, 'webauthn')
      const assertion = passkey.get({ rpId: '127.0.0.1', challenge: 'AAAA' })
      const proven = await prove(body.mfa_token, assertion)
      return [Object.keys(body), asked.status, asked.text, proven.status, proven.text]
    }),
  )
  t.same(shapes[0], shapes[1])
  t.equal(shapes[0]?.[1], 400)
})

t.test('a removed passkey is not offered any more, and not asked for with a token from before', async (t) => {
  const { passkey, accessToken, ...person } = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  const before = await login(rekey, person)
  const { body } = await http.get('/api/v2/my/2fa/challenge?businessProcess=changeFactors', asBearer(accessToken))
  const credential = passkey.get((body as unknown as { publicKey: Request }).publicKey)
  const { successToken } = (await answer({ token: body.token, credential })).body
  const headers = { ...asBearer(accessToken), successToken: String(successToken) }
  const { data } = (await http.get<{ data: { id: string }[] }>('/api/v2/my/factors', headers)).body
  t.equal((await http.send('DELETE', `/api/v2/my/factors/${data[0]?.id}`, headers)).status, 204)
  t.match(await choose(mfaToken, 'webauthn'), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await choose(before.body.mfa_token, 'webauthn'), { status: 400, body: { error: 'invalid_grant' } })
  t.notOk((await login(rekey, person)).body.challenge_type.includes('webauthn'))
})

t.test('a request without a proof, with two, or with a malformed one costs nothing', async (t) => {
  const { passkey, ...person } = await enrolled()
  const { mfaToken, publicKey } = await request((await secondProofOf(person)).mfaToken)
  const assertion = passkey.get(publicKey)
  const missing = (field: string) => ({
    status: 400,
    body: { error: 'invalid_request', error_description: new RegExp(field) },
  })
  t.match(
    await http.post(verification, { ...verificationBody(mfaToken, '1'), grant_type: 'mfa_webauthn' }),
    missing('credential'),
  )
  for (const credential of ['text', {}, { ...assertion, id: 'not base64url!' }, { ...assertion, response: {} }, null]) {
    t.match(await prove(mfaToken, credential as object), missing('credential'), JSON.stringify(credential))
    t.match(await complete(mfaToken, credential), missing('credential'))
  }
  const refused = { status: 400, body: { code: 'invalid_request' } }
  t.match(await answer({ token: mfaToken }), { ...refused, body: { errors: [{ field: 'code' }] } })
  t.match(await answer({ token: mfaToken, code: '123456', credential: assertion }), refused)
  t.match(await answer({ token: mfaToken, credential: { ...assertion, type: 'password' } }), refused)
  t.equal((await prove(mfaToken, assertion)).status, 200)
})

t.test('password managers find the page of passkeys, and browsers the related origins', async (t) => {
  t.match(await http.get('/.well-known/webauthn'), { status: 200, body: { origins: [origin] } })
  const page = `${origin}/account/security`
  t.match(await http.get('/.well-known/passkey-endpoints'), { status: 200, body: { enroll: page, manage: page } })
})
