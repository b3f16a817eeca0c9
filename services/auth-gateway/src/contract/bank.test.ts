import { createCustomer } from '@rekey/test-support/customers'
import { askLogin, askRestore, backOfficeToken, loginBody, restoreBody, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { bearer, denied, isOAuthError, tokensOf } from './oauth.fixture.ts'

// The internet bank's API, A4 to A6: one test for each row of its contract.
const rekey = await startRekey(t)
const { http } = rekey

const newCustomer = () => createCustomer(rekey.postgres.url)

t.test('A4. POST /oauth/v2/login', async (t) => {
  const customer = await newCustomer()
  const login = (other: object = {}) => http.post('/oauth/v2/login', loginBody(customer, other))
  const right = await login()
  t.equal(right.status, 200)
  t.match(right.body, {
    error: 'mfa_required',
    error_description: String,
    challenge_type: [/^oob:email:t\*\w@example\.com$/, /^oob:sms:\+44\*{7}\d\d$/],
    binding_method: 'prompt',
    mfa_token: String,
    state,
  })
  const wrong = await login({ password: 'another' })
  isOAuthError(t, wrong, 400, 'access_denied', denied)
  t.same((await login({ username: 'nobody@example.com' })).body, wrong.body)
  for (const field of Object.keys(loginBody(customer))) {
    isOAuthError(t, await login({ [field]: undefined }), 400, 'invalid_request', new RegExp(field))
  }
})

t.test('A4b. POST /oauth/v2/challenge', async (t) => {
  const customer = await newCustomer()
  const { answer, verification } = await askLogin(rekey, customer)
  t.equal(answer.status, 200)
  t.match(answer.body, { mfa_token: String, code: verification, error: 'mfa_code_required', state })
  const restore = await askRestore(rekey, customer.email)
  const resend = (other: object = {}) =>
    http.post('/oauth/v2/challenge', {
      challenge_type: `oob:email:t*${customer.email.split('@')[0]?.at(-1)}@example.com`,
      client_timezone: '-3',
      mfa_token: restore.answer.body.mfa_token,
      response_type: 'code',
      state,
      ...other,
    })
  const early = await resend()
  isOAuthError(t, early, 429, 'temporarily_unavailable')
  t.ok(Number(early.headers.get('retry-after')) > 0)
  isOAuthError(t, await resend({ challenge_type: 'oob:email:x*x@example.com' }), 400, 'invalid_request')
  for (const field of ['challenge_type', 'client_timezone', 'mfa_token', 'response_type', 'state']) {
    isOAuthError(t, await resend({ [field]: undefined }), 400, 'invalid_request', new RegExp(field))
  }
})

t.test('A5. POST /oauth/v2/token', async (t) => {
  const token = (body: object) => http.post('/oauth/v2/token', body)
  const customer = await newCustomer()
  const first = await tokensOf(rekey, customer)
  t.match(first, {
    access_token: String,
    refresh_token: String,
    token_type: 'bearer',
    expires_in: 3600,
    scope: 'CUSTOMER:FULL',
    state,
  })
  const refresh = (refresh_token: unknown) =>
    token({ grant_type: 'refresh_token', refresh_token, client_id: 'ib_localhost' })
  const second = await refresh(first.refresh_token)
  t.match(second.body, { access_token: String, refresh_token: String, scope: 'CUSTOMER:FULL' })
  isOAuthError(t, await refresh(first.refresh_token), 400, 'invalid_grant')
  isOAuthError(t, await refresh(second.body.refresh_token), 400, 'invalid_grant')

  const backOffice = { grant_type: 'client_credentials', client_id: 'backend_fin' }
  t.match((await token({ ...backOffice, client_secret: 'secretkey' })).body, { scope: 'REST:FULL', expires_in: 3600 })
  isOAuthError(t, await token({ ...backOffice, client_secret: 'wrong' }), 401, 'invalid_client')
  isOAuthError(t, await token({ grant_type: 'password', username: 'a', password: 'b' }), 400, 'unsupported_grant_type')
  isOAuthError(t, await token({}), 400, 'invalid_request', /grant_type/)
})

t.test('A6. POST /oauth/v2/revoke', async (t) => {
  const customer = await newCustomer()
  const { access_token, refresh_token } = await tokensOf(rekey, customer)
  const revoke = (token: unknown) => http.post('/oauth/v2/revoke', { token, client_id: 'ib_localhost' })
  t.equal((await revoke(refresh_token)).status, 200)
  t.equal((await revoke('nonsense')).status, 200)
  t.equal((await http.get('/api/v2/my/password/changes', bearer(access_token))).status, 401)
})

t.test('A6. POST /oauth/v2/introspect', async (t) => {
  const { access_token } = await tokensOf(rekey, await newCustomer())
  const introspect = (token: unknown, client: object = { client_id: 'backend_fin', client_secret: 'secretkey' }) =>
    http.post('/oauth/v2/introspect', { token, ...client })
  t.match((await introspect(access_token)).body, { active: true, scope: 'CUSTOMER:FULL', client_id: 'ib_localhost' })
  t.same((await introspect('nonsense')).body, { active: false })
  isOAuthError(t, await introspect(access_token, { client_id: 'ib_localhost' }), 401, 'invalid_client')
})

t.test('A6. GET /.well-known/oauth-authorization-server', async (t) => {
  const { status, body } = await http.get('/.well-known/oauth-authorization-server')
  t.equal(status, 200)
  t.match(body, {
    issuer: rekey.url,
    token_endpoint: `${rekey.url}/oauth/v2/token`,
    revocation_endpoint: `${rekey.url}/oauth/v2/revoke`,
    introspection_endpoint: `${rekey.url}/oauth/v2/introspect`,
    code_challenge_methods_supported: ['S256'],
  })
})

t.test('A6. GET /.well-known/jwks.json', async (t) => {
  const { status, body } = await http.get('/.well-known/jwks.json')
  t.equal(status, 200)
  t.match(body, { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: String, x: String }] })
})

t.test('A6. GET /.well-known/change-password', async (t) => {
  const answer = await fetch(`${rekey.url}/.well-known/change-password`, { redirect: 'manual' })
  t.equal(answer.status, 302)
  const page = await fetch(new URL(answer.headers.get('location') ?? '', rekey.url))
  t.equal(page.status, 200)
  t.match(page.headers.get('content-type'), 'text/html')
})

t.test('A6. GET /.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200', async (t) => {
  const path = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
  t.equal((await http.get(path)).status, 404)
})

t.test('Conventions: 404, 405, 413 and 415 are OAuth errors, and unknown fields are ignored', async (t) => {
  const json = { 'content-type': 'application/json' }
  isOAuthError(t, await http.get('/oauth/v2/nothing'), 404, 'invalid_request')
  isOAuthError(t, await http.get('/oauth/v2/token'), 405, 'invalid_request')
  isOAuthError(t, await http.send('POST', '/oauth/v2/token', json, ' '.repeat(17_000)), 413, 'invalid_request')
  isOAuthError(
    t,
    await http.send('POST', '/oauth/v2/token', { 'content-type': 'text/plain' }, 'x'),
    415,
    'invalid_request',
  )
  const unknown = { ...restoreBody('nobody@example.com'), unknown_field: 1 }
  t.equal((await http.post('/oauth/v2/passwordRestore', unknown)).status, 200)
  t.ok(await backOfficeToken(rekey))
})
