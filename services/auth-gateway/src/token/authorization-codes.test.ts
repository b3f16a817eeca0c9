import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  codeVerifier as code_verifier,
  pkce,
  race,
  restore,
  restoreBody,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey

const verification = '/oauth/v2/passwordRestoreVerification'
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

/** A1 and A2 up to the authorization code, and the right request to redeem it. */
const authorize = async (fields: object = pkce) => {
  const { email } = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, email, fields)
  const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code' })
  const { code } = (await http.post(verification, body)).body
  const own = {
    grant_type: 'authorization_code',
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    code,
    code_verifier,
  }
  return { own, redeem: (other: object = {}) => http.post('/oauth/v2/token', { ...own, ...other }) }
}

const isActive = async (token: unknown) => {
  const client = { client_id: 'backend_fin', client_secret: 'secretkey' }
  return (await http.post('/oauth/v2/introspect', { token, ...client })).body.active
}

t.test('S26: an authorization code expires after sixty seconds', async (t) => {
  const [early, late] = await Promise.all([authorize(), authorize()])
  rekey.clock.advance(59_000)
  t.equal((await early.redeem()).status, 200)
  rekey.clock.advance(1_000)
  t.match(await late.redeem(), invalidGrant)
})

t.test('S26: a replayed code is refused, and revokes the token that it was redeemed for', async (t) => {
  const { redeem } = await authorize()
  const redeemed = await redeem()
  t.equal(redeemed.status, 200)
  const token = String(redeemed.body.access_token)
  t.equal(await isActive(token), true)
  t.match(await redeem(), invalidGrant)
  t.equal(await isActive(token), false)
  const { sid } = decodeJwt(token)
  const what = 'the password-service to refuse the token'
  await eventually(async () => (await restore(rekey, token, 'a new password')).status === 403, {
    what,
  })
  t.match(await redeem(), invalidGrant, 'a second replay')
  const lines = rekey.logs.map((line) => JSON.parse(line)).filter((line) => line.sessionId === sid)
  t.match(lines[0], { event: 'session_revoked', reason: 'code_replayed', clientId: 'ib_localhost' })
})

t.test('S26: of fifty parallel redemptions one succeeds, and the others revoke its token', async (t) => {
  const { redeem } = await authorize()
  const answers = await race(50, () => redeem())
  const winners = answers.filter(({ status }) => status === 200)
  t.equal(winners.length, 1)
  for (const loser of answers.filter(({ status }) => status !== 200)) t.match(loser, invalidGrant)
  t.equal(await isActive(winners[0]?.body.access_token), false)
})

t.test('S26: a wrong redirect URI, verifier or client is refused, and spends the code', async (t) => {
  const wrongs = [
    { redirect_uri: 'http://localhost//' },
    { redirect_uri: 'http://localhost/?' },
    { redirect_uri: 'http://localhost:80' },
    { redirect_uri: 'HTTP://localhost' },
    { code_verifier: `${code_verifier.slice(0, -1)}l` },
    { code_verifier: pkce.code_challenge },
    { code_verifier: undefined },
    { client_id: 'another_app' },
    { ...webApp, redirect_uri: webAppRedirect },
  ]
  for (const wrong of wrongs) {
    const { redeem } = await authorize()
    t.match(await redeem(wrong), invalidGrant, JSON.stringify(wrong))
    t.match(await redeem(), invalidGrant, 'the code is spent')
  }
})

t.test('a request with a missing field does not spend the code', async (t) => {
  const { redeem } = await authorize()
  for (const field of ['redirect_uri', 'client_id', 'code']) {
    const refused = await redeem({ [field]: undefined })
    t.match(refused, { status: 400, body: { error: 'invalid_request', error_description: `${field} is missing.` } })
  }
  t.equal((await redeem()).status, 200)
})

t.test('S26: PKCE accepts S256 only; plain is refused, also as the default', async (t) => {
  const requests = [
    { ...pkce, code_challenge_method: 'plain' },
    { ...pkce, code_challenge_method: 's256' },
    { code_challenge: pkce.code_challenge },
  ]
  for (const fields of requests) {
    const body = restoreBody('nobody@example.com', fields)
    t.match(await http.post('/oauth/v2/passwordRestore', body), { status: 400, body: { error: 'invalid_request' } })
  }
  // A2 refuses them as well, without spending the confirmation code.
  const { email } = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, email)
  const verify = (fields: object) =>
    http.post(verification, verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', ...fields }))
  for (const fields of requests) t.match(await verify(fields), { status: 400, body: { error: 'invalid_request' } })
  t.equal((await verify(pkce)).status, 200)
})

t.test('S26: the redirect URI must equal a registered one exactly', async (t) => {
  for (const redirect_uri of [
    'http://localhost/other',
    'http://localhost.evil.example',
    'http://localhost?x',
    webAppRedirect,
  ]) {
    const refused = await http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com', { redirect_uri }))
    t.match(refused, { status: 400, body: { error: 'access_denied', state } })
  }
})

t.test('S26: the implicit grant and the password grant are refused', async (t) => {
  for (const response_type of ['token', 'id_token', 'code token', 'none']) {
    const refused = await http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com', { response_type }))
    t.match(refused, { status: 400, body: { error: 'unsupported_response_type' } })
  }
  const { email, password } = await createCustomer(rekey.postgres.url)
  const body = { grant_type: 'password', username: email, password, client_id: 'ib_localhost' }
  t.match(await http.post('/oauth/v2/token', body), { status: 400, body: { error: 'unsupported_grant_type' } })
  t.match(await http.post('/oauth/v2/token', { ...body, grant_type: 'implicit' }), {
    status: 400,
    body: { error: 'unsupported_grant_type' },
  })
})
