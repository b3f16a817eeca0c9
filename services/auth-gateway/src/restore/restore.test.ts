import { createCustomer } from '@rekey/test-support/customers'
import {
  askRestore,
  codeVerifier,
  pkce,
  restore,
  restoreBody,
  restoreGrant,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'

const rekey = await startRekey(t)
const { http } = rekey
const verification = '/oauth/v2/passwordRestoreVerification'

t.test('A1 answers the example of the published contract with the fields of its example', async (t) => {
  const example = `{
    "response_type":"code",
    "client_id":"ib_localhost",
    "redirect_uri":"http:\\/\\/localhost",
    "scope":"CUSTOMER:PASSWORD:RESTORE",
    "state":"5e982a097260d146803b5da13b1a19c2",
    "username":"bpmtestusr1@gmail.com",
    "ip":"::1",
    "client_timezone":"-3",
    "source_system":"IB"
}						`
  const answer = await http.send('POST', '/oauth/v2/passwordRestore', { 'content-type': 'application/json' }, example)
  t.equal(answer.status, 200)
  t.same(Object.keys(answer.body), ['mfa_token', 'code', 'error', 'error_description', 'state'])
  t.match(answer.body, {
    code: /^\d{4}$/,
    error: 'mfa_code_required',
    error_description: 'Please confirm challenge with sent code',
    state,
  })
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('A1 accepts a form (RFC 6749)', async (t) => {
  const form = new URLSearchParams(restoreBody('nobody@example.com')).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await http.send('POST', '/oauth/v2/passwordRestore', headers, form)
  t.equal(answer.status, 200)
})

t.test('A1 returns an mfa_token with the claims of the contract, which does not reveal the customer', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  const token = String(body.mfa_token)
  t.same(decodeProtectedHeader(token), { alg: 'HS256', typ: 'JWT' })
  const claims = decodeJwt(token)
  t.same(Object.keys(claims).sort(), [
    ...['act', 'amr', 'client_id', 'exp', 'expires', 'iat', 'iss', 'issued_at', 'jti', 'scope', 'sid', 'sub'],
    'token_type',
  ])
  t.equal(claims.scope, `mfa_token:${body.code}`)
  t.equal(claims.amr, `oob:email:t*${customer.email.split('@')[0]?.at(-1)}@example.com`)
  t.match(claims.expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000-00:00$/)
  t.notMatch(JSON.stringify(claims), customer.code)
})

t.test('A1 refuses each unregistered or disallowed value with its own error code and the state', async (t) => {
  const request = (other: object) => http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com', other))
  const denied = 'The resource owner or authorization server denied the request.'
  const expectations = [
    [{ client_id: 'stranger' }, { error: 'access_denied', error_description: denied, state }],
    [{ redirect_uri: 'http://localhost/other' }, { error: 'access_denied', error_description: denied, state }],
    [{ scope: 'CUSTOMER:FULL' }, { error: 'invalid_scope', error_description: 'Invalid scope.', state }],
    [{ response_type: 'token' }, { error: 'unsupported_response_type', state }],
    [
      { source_system: 'XX' },
      { error: 'invalid_request', error_description: 'source_system must be one of IB.', state },
    ],
    [{ username: 'not an address' }, { error: 'invalid_request', error_description: 'username is malformed.', state }],
  ] as const
  for (const [other, expected] of expectations) {
    const answer = await request(other)
    t.equal(answer.status, 400)
    t.match(answer.body, expected)
    t.equal(answer.headers.get('cache-control'), 'no-store')
  }
})

t.test('mail and SMS contain the verification code of the answer and a confirmation code', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const byMail = await askRestore(rekey, customer.email)
  t.equal(byMail.verification, byMail.answer.body.code)
  t.match(byMail.confirmation, /^\d{6}$/)
  const byPhone = await askRestore(rekey, customer.phone)
  t.equal(byPhone.verification, byPhone.answer.body.code)
  t.match(byPhone.confirmation, /^\d{6}$/)
})

t.test('A2 answers in the form that response_type requests, and each form restores the password', async (t) => {
  for (const responseType of ['sign_token', 'access_token']) {
    const customer = await createCustomer(rekey.postgres.url)
    const { answer, confirmation } = await askRestore(rekey, customer.email)
    const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: responseType })
    const verified = await http.post(verification, body)
    t.equal(verified.status, 200)
    t.match(verified.body, {
      [responseType]: String,
      token_type: 'bearer',
      expires_in: 600,
      scope: 'CUSTOMER:PASSWORD:RESTORE',
      state,
    })
    t.equal(verified.headers.get('cache-control'), 'no-store')
    const restored = await restore(rekey, String(verified.body[responseType]), 'a new password')
    t.equal(restored.status, 204)
    t.equal(restored.text, '')
  }
})

t.test('A2 with response_type code returns an authorization code that A5 redeems once, with PKCE', async (t) => {
  await redeemsOnce(t, pkce, {})
  await redeemsOnce(t, {}, pkce)
})

const redeemsOnce = async (t: Test, inRequest: object, inVerification: object) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email, inRequest)
  const verified = await http.post(
    verification,
    verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', ...inVerification }),
  )
  t.match(verified.body, { code: /^[\w-]{43}$/, redirect_uri: 'http://localhost', state })
  const exchange = {
    grant_type: 'authorization_code',
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    code: verified.body.code,
    code_verifier: codeVerifier,
  }
  const redeemed = await http.post('/oauth/v2/token', exchange)
  t.equal(redeemed.status, 200)
  t.equal((await restore(rekey, String(redeemed.body.access_token), 'a new password')).status, 204)
  t.match(await http.post('/oauth/v2/token', exchange), { status: 400, body: { error: 'invalid_grant' } })
}

t.test('A2 accepts the code as an integer without leading zeros', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const verified = await http.post(verification, verificationBody(answer.body.mfa_token, Number(confirmation)))
  t.equal(verified.status, 200)
})

t.test('S19: the code of a restore does not sign in, and its grant is no bearer token', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const login = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  t.match(await http.post('/oauth/v2/token', login), { status: 400, body: { error: 'invalid_grant' } })
  const broker = { token: answer.body.mfa_token, code: confirmation }
  t.match(await http.post('/api/v2/my/2fa/challenge', broker), { status: 400, body: { code: 'invalid_grant' } })

  const grant = await restoreGrant(rekey, customer)
  for (const path of ['/api/v2/my/password/changes', '/api/v2/my/2fa/challenge?businessProcess=changePassword']) {
    t.equal((await http.get(path, { authorization: `Bearer ${grant}` })).status, 401)
  }
})
