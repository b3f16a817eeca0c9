import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askLogin,
  askRestore,
  changeGrant,
  claimsOf,
  codeVerifier,
  pkce,
  race,
  restore,
  restoreBody,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http, clock } = rekey
const secondsMs = 1_000
const minuteMs = 60 * secondsMs

const redemption = (code: unknown) => ({
  grant_type: 'authorization_code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  code,
  code_verifier: codeVerifier,
})

const verify = (mfaToken: unknown, code: string, other: object = {}) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code, other))

/** Five wrong codes for a new challenge: the gateway allows each address twice as many. */
const failAt = async (username: string) => {
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(username))
  await race(5, () => verify(body.mfa_token, '0000001'))
}

t.test('S42: a code that is accepted during a lockout restores nothing, however late it is redeemed', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email, pkce)
  await Promise.all([failAt(customer.email), failAt(customer.phone)])
  const count = 'SELECT 1 FROM restore_failure WHERE customer_id = $1'
  await eventually(async () => (await sql(rekey.postgres.url, count, [customer.id])).length === 10, {
    what: 'the password-service to lock restore',
  })

  // The lockout lasts ten minutes, and so does the code, which is a little older.
  clock.advance(9 * minuteMs + 30 * secondsMs)
  const accepted = await verify(answer.body.mfa_token, confirmation, { response_type: 'code' })
  t.equal(accepted.status, 200, 'the gateway knows of no lockout of one address')
  clock.advance(45 * secondsMs)
  const redeemed = await http.post('/oauth/v2/token', redemption(accepted.body.code))
  const { iat, auth_time } = claimsOf(String(redeemed.body.access_token))
  t.ok(Number(iat) - Number(auth_time) >= 45, 'the token is issued after the lockout, and says when the code was given')
  const refused = await restore(rekey, String(redeemed.body.access_token), 'a new password')
  t.match(refused, { status: 403, body: { code: 'success_token_refused' } })
  const lines = await rekey.logOf('password-service')
  t.match(
    lines.findLast(({ event }) => event === 'authn_password_restore_fail'),
    { reason: 'locked out' },
  )

  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204, 'a later code')
})

/** The age of the proof that a token was made from, when it was issued. */
const ageOf = (token: unknown) => {
  const { iat, auth_time } = claimsOf(String(token))
  return Number(iat) - Number(auth_time)
}

t.test('S42: every token says when its proof was given, of two the older', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askLogin(rekey, customer)
  clock.advance(5 * minuteMs)
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  const signedIn = (await http.post('/oauth/v2/token', body)).body
  t.ok(ageOf(signedIn.access_token) >= 299, 'a sign-in: the password, the older of its two proofs')

  clock.advance(20 * minuteMs)
  const refresh = (refresh_token: unknown) =>
    http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token })
  const first = (await refresh(signedIn.refresh_token)).body
  clock.advance(20 * minuteMs)
  const second = (await refresh(first.refresh_token)).body
  for (const [token, seconds] of [
    [first.access_token, 1_200],
    [second.access_token, 2_400],
  ] as const) {
    t.ok(ageOf(token) >= seconds, 'a refresh: the time of the sign-in')
  }

  const { access_token } = await signInTokens(rekey, customer)
  for (const grant of [
    await changeGrant(rekey, customer, access_token),
    await restoreGrant(rekey, customer),
    await restoreGrant(rekey, customer, 'access_token'),
  ]) {
    t.ok(ageOf(grant) <= 1, 'a grant that is issued with the answer')
  }
})
