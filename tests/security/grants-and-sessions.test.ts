import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  askChange,
  askLogin,
  askRestore,
  change,
  changeGrant,
  claimsOf,
  codeVerifier,
  pkce,
  race,
  reset,
  restore,
  restoreBody,
  restoreGrant,
  signIn,
  signInTokens,
  signsIn,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'
import { readSigningKey } from './forged-token.ts'

const rekey = await startRekey(t)
const { http } = rekey
const newCustomer = () => createCustomer(rekey.postgres.url)
const key = readSigningKey(rekey.keys.signingKeys)

const verification = '/oauth/v2/passwordRestoreVerification'
const history = (token: string) => http.get('/api/v2/my/password/changes', asBearer(token))
const refresh = (token: string) =>
  http.post<{ access_token: string; refresh_token: string }>('/oauth/v2/token', {
    grant_type: 'refresh_token',
    refresh_token: token,
    client_id: 'ib_localhost',
  })

const introspect = (token: string) =>
  http.post('/oauth/v2/introspect', { token, client_id: 'backend_fin', client_secret: 'secretkey' })

const refused = { status: 403, body: { code: 'success_token_refused' } }
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

t.test('S19 a grant of one customer is refused in the session of another', async (t) => {
  const [a, b] = [await newCustomer(), await newCustomer()]
  const [bearerA, bearerB] = [await signIn(rekey, a), await signIn(rekey, b)]
  const grantA = await changeGrant(rekey, a, bearerA)
  t.match(await change(rekey, bearerB, grantA, 'A-password-of-mine'), refused)
  t.match(await change(rekey, bearerB, await restoreGrant(rekey, a), 'A-password-of-mine'), refused)
  t.match(await restore(rekey, grantA, 'A-password-of-mine'), refused, 'a change grant for a restore')
  for (const person of [a, b]) t.ok(await signsIn(rekey, person, person.password))
  t.equal((await change(rekey, bearerA, grantA, 'A-password-of-mine')).status, 204, 'A’s own session')
})

t.test('S19 no order of the steps sets a password without the code', async (t) => {
  const victim = await newCustomer()
  const asked = await askRestore(rekey, victim.email)
  const mfaToken = asked.answer.body.mfa_token
  const { sub: challengeId } = claimsOf(String(mfaToken))
  const broker = await http.get(
    `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${encodeURIComponent(victim.email)}`,
  )
  const login = await askLogin(rekey, victim)
  const bearer = await signIn(rekey, victim)
  const changing = await askChange(rekey, victim, bearer)
  const { code: verificationCode } = asked.answer.body
  const set = (token: unknown) => restore(rekey, String(token), 'An-attackers-own')
  const verify = (token: unknown, code: unknown, other: object = {}) =>
    http.post(verification, verificationBody(token, String(code), other))
  const finishSignIn = (token: unknown, code: string) =>
    http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: token, code })
  const brokerVerify = (token: unknown, code: string) => http.post('/api/v2/my/2fa/challenge', { token, code })
  const { confirmation } = asked
  const wrongs: [name: string, sending: Promise<object>, refusal: object][] = [
    ['the mfa_token of an unverified challenge', set(mfaToken), refused],
    ['the broker’s token of an unverified challenge', set(broker.body.token), refused],
    ['the challenge id', set(challengeId), refused],
    ['the verification code', set(verificationCode), refused],
    [
      'a change without its grant',
      http.post('/api/v2/my/password/change', { password: 'An-attackers-own' }, asBearer(bearer)),
      refused,
    ],
    ['the verification code as the answer', verify(mfaToken, verificationCode), invalidGrant],
    ['the restore’s code for a sign-in', finishSignIn(mfaToken, confirmation), invalidGrant],
    [
      'the restore’s code to the broker’s endpoint',
      brokerVerify(mfaToken, confirmation),
      { status: 400, body: { code: 'invalid_grant' } },
    ],
    ['the sign-in’s code for a restore', verify(login.answer.body.mfa_token, login.confirmation), invalidGrant],
    ['the change’s code for a restore', verify(changing.answer.body.token, changing.confirmation), invalidGrant],
    ['the change’s code for a sign-in', finishSignIn(changing.answer.body.token, changing.confirmation), invalidGrant],
    [
      'another scope',
      verify(mfaToken, confirmation, { scope: 'CUSTOMER:FULL' }),
      { status: 400, body: { error: 'invalid_scope' } },
    ],
    ['another state', verify(mfaToken, confirmation, { state: 'another' }), invalidGrant],
    ['another client', verify(mfaToken, confirmation, { client_id: 'backend_fin' }), invalidGrant],
  ]
  for (const [name, sending, refusal] of wrongs) t.match(await sending, refusal, name)
  t.ok(await signsIn(rekey, victim, victim.password))
  t.equal((await history(bearer)).body.total, 0)
  // Proves that the codes were right, so each refusal had the named reason.
  t.equal((await verify(mfaToken, confirmation)).status, 200)
  t.equal((await finishSignIn(login.answer.body.mfa_token, login.confirmation)).status, 200)
  t.equal((await brokerVerify(changing.answer.body.token, changing.confirmation)).status, 200)
})

t.test('S19 a grant in fifty parallel requests sets one password', async (t) => {
  const restored = await newCustomer()
  const restoring = await restoreGrant(rekey, restored)
  const changed = await newCustomer()
  const bearer = await signIn(rekey, changed)
  const changing = await changeGrant(rekey, changed, bearer)
  const races = [
    { person: restored, send: (password: string) => restore(rekey, restoring, password) },
    { person: changed, send: (password: string) => change(rekey, bearer, changing, password) },
  ]
  for (const { person, send } of races) {
    const passwordOf = (index: number) => `Password-number-${index}`
    const answers = await race(50, (index) => send(passwordOf(index)))
    const acknowledged = answers.flatMap(({ status }, index) => (status === 204 ? index : []))
    t.ok(acknowledged.length <= 1, `${acknowledged.length} were acknowledged`)
    for (const { status } of answers) t.ok([204, 403, 503].includes(status), `${status}`)
    // On a busy machine the request that set the password may get a 503.
    const good: number[] = []
    for (const [index, { status }] of answers.entries()) {
      if (status !== 403 && (await signsIn(rekey, person, passwordOf(index)))) good.push(index)
    }
    t.equal(good.length, 1)
    t.same(acknowledged, acknowledged.length === 0 ? [] : good, 'the acknowledged password')
    const token = await signIn(rekey, { ...person, password: passwordOf(good[0] ?? 0) })
    t.equal((await history(token)).body.total, 1)
  }
})

t.test('S26 a reused refresh token ends the session of thief and owner', async (t) => {
  const first = await signInTokens(rekey, await newCustomer())
  const thief = await refresh(first.refresh_token)
  t.equal(thief.status, 200)
  t.match(await refresh(first.refresh_token), invalidGrant, 'the owner uses it second')
  t.match(await refresh(thief.body.refresh_token), invalidGrant)
  for (const token of [first.access_token, thief.body.access_token]) {
    await eventually(async () => (await history(token)).status === 401, { what: 'the session to end' })
  }
})

t.test('S21 S20 a restore invalidates all earlier tokens and grants, and gives no session', async (t) => {
  const customer = await newCustomer()
  const before = await signInTokens(rekey, customer)
  const changing = await changeGrant(rekey, customer, before.access_token)
  const other = await restoreGrant(rekey, customer)
  const own = await restoreGrant(rekey, customer, 'access_token')
  t.ok((await introspect(before.refresh_token)).body.active)
  const restored = await restore(rekey, own, 'A-password-of-mine')
  t.equal(restored.status, 204)
  t.equal(restored.text, '')
  t.equal(restored.headers.get('set-cookie'), null)
  t.equal((await history(before.access_token)).status, 401)
  // The gateway gets the event a moment later. Introspection does not spend the refresh token.
  await eventually(async () => (await introspect(before.refresh_token)).body.active === false, {
    what: 'the session to end',
  })
  t.match(await refresh(before.refresh_token), invalidGrant)
  t.equal((await change(rekey, before.access_token, changing, 'Another-of-mine')).status, 401)
  t.match(await restore(rekey, other, 'Another-of-mine'), refused, 'a restore that began before')
  t.match(await restore(rekey, own, 'Another-of-mine'), refused, 'the same grant twice')
  t.match(await reset(rekey, own), { status: 401, body: { error: 'invalid_token' } }, 'the same grant at A3')
  t.match(await history(own), { status: 403, body: { code: 'insufficient_scope' } }, 'its scope never allowed this')
  t.notOk(await signsIn(rekey, customer, customer.password))
  t.ok(await signsIn(rekey, customer, 'A-password-of-mine'))
  // The session epoch decides, not the time of issue.
  const later = key.sign({ ...claimsOf(before.access_token), iat: Math.floor(Date.now() / 1_000) + 5 })
  t.equal((await history(later)).status, 401, 'an old session with a newer time')
})

/** A1 and A2, up to the authorization code. */
const authorize = async (t: Test) => {
  const { answer, confirmation } = await askRestore(rekey, (await newCustomer()).email, pkce)
  const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code' })
  const { status, body: given } = await http.post(verification, body)
  t.equal(status, 200)
  return (other: object = {}) =>
    http.post('/oauth/v2/token', {
      grant_type: 'authorization_code',
      client_id: 'ib_localhost',
      redirect_uri: 'http://localhost',
      code: given.code,
      code_verifier: codeVerifier,
      ...other,
    })
}

t.test('S26 a replayed authorization code revokes the token that it gave', async (t) => {
  const redeem = await authorize(t)
  const given = await redeem()
  t.equal(given.status, 200)
  // The policy refuses this password: a valid grant answers 422 and is not spent.
  const set = () => restore(rekey, String(given.body.access_token), 'short')
  t.equal((await set()).status, 422)
  t.match(await redeem(), invalidGrant)
  await eventually(async () => (await set()).status === 403, { what: 'the grant to be revoked' })
})

t.test(
  'S26 a stolen authorization code is refused without the verifier, and the method plain is refused',
  async (t) => {
    for (const code_verifier of [undefined, pkce.code_challenge, codeVerifier.toUpperCase()]) {
      const redeem = await authorize(t)
      t.match(await redeem({ code_verifier }), invalidGrant)
      t.match(await redeem(), invalidGrant, 'one wrong attempt spends the code')
    }
    for (const method of ['plain', 'none', 's256', undefined]) {
      const other = { ...pkce, code_challenge_method: method }
      t.match(await http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com', other)), {
        status: 400,
        body: { error: 'invalid_request' },
      })
    }
  },
)
