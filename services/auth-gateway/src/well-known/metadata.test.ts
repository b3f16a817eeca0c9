import { responseTypes } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { askRestore, pkce, restoreBody, signInTokens, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// RFC 8414 §2: the metadata lists a value if, and only if, the endpoint accepts it.
const rekey = await startRekey(t)
const { http } = rekey
const { body: metadata } = await http.get<Record<string, string[]>>('/.well-known/oauth-authorization-server')
const customer = await createCustomer(rekey.postgres.url)

const basic = { authorization: `Basic ${btoa('backend_fin:secretkey')}` }
const inBody = { client_id: 'backend_fin', client_secret: 'secretkey' }
/** The values of these that the caller accepts. */
const accepted = async (values: string[], isAccepted: (value: string) => Promise<boolean>) => {
  const results = await Promise.all(values.map(async (value) => ({ value, ok: await isAccepted(value) })))
  return results.filter(({ ok }) => ok).map(({ value }) => value)
}

t.test('grant_types_supported: each, and none of the other registered ones', async (t) => {
  const registered = [
    'authorization_code',
    'implicit',
    'password',
    'client_credentials',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:saml2-bearer',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:openid:params:grant-type:ciba',
  ]
  const found = await accepted(
    [...registered, 'code', 'mfa_oob', 'mfa_otp', 'mfa_recovery_code', 'mfa_webauthn', ''],
    async (grant_type) => {
      const { body } = await http.post('/oauth/v2/token', { grant_type, client_id: 'ib_localhost' })
      return !['unsupported_grant_type', undefined].includes(body.error as string) && grant_type !== ''
    },
  )
  t.same(found.sort(), metadata.grant_types_supported?.toSorted())
})

t.test('response_types_supported: the authorization endpoint accepts each, and no other', async (t) => {
  const all = ['code', 'token', 'id_token', 'none', 'code token', 'access_token', 'sign_token', 'mfa_token']
  const found = await accepted(all, async (response_type) => {
    const query = { client_id: 'ib_localhost', redirect_uri: 'http://localhost', ...pkce, response_type }
    const { headers } = await fetch(`${rekey.url}/oauth/v2/authorize?${new URLSearchParams(query)}`, {
      redirect: 'manual',
    })
    return headers.get('location')?.startsWith('/restore?') === true
  })
  t.same(found.sort(), metadata.response_types_supported?.toSorted())
})

t.test('A2 answers each response type of A1', async (t) => {
  for (const response_type of responseTypes) {
    const { answer, confirmation } = await askRestore(rekey, customer.email, pkce)
    const body = verificationBody(answer.body.mfa_token, confirmation, { response_type })
    const verified = await http.post('/oauth/v2/passwordRestoreVerification', body)
    t.ok(verified.body[response_type], response_type)
  }
})

t.test('code_challenge_methods_supported', async (t) => {
  const found = await accepted(['S256', 'plain', 's256', 'S512'], async (code_challenge_method) => {
    const body = restoreBody('nobody@example.com', { ...pkce, code_challenge_method })
    return (await http.post('/oauth/v2/passwordRestore', body)).status === 200
  })
  t.same(found, metadata.code_challenge_methods_supported)
})

t.test('scopes_supported: some client gets each, and no other', async (t) => {
  const full = await signInTokens(rekey, customer)
  const change = await signInTokens(rekey, customer, { scope: 'CUSTOMER:PASSWORD:CHANGE' })
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const verification = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'access_token' })
  const restore = (await http.post('/oauth/v2/passwordRestoreVerification', verification)).body
  const staff = (await http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...inBody })).body
  const scopes = [full, change, restore, staff].map((tokens) => (tokens as { scope?: unknown }).scope)
  t.same(scopes.toSorted(), metadata.scopes_supported?.toSorted())
})

t.test('authentication methods of the token, revocation and introspection endpoints', async (t) => {
  const { access_token } = await signInTokens(rekey, customer)
  const assertion = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
  const ways: Record<string, [body: object, headers: object]> = {
    none: [{ client_id: 'ib_localhost' }, {}],
    client_secret_basic: [{}, basic],
    client_secret_post: [inBody, {}],
    private_key_jwt: [{ client_id: 'backend_fin', ...assertion, client_assertion: 'a.b.c' }, {}],
    client_secret_jwt: [{ client_id: 'backend_fin', ...assertion, client_assertion: 'a.b.c' }, {}],
    tls_client_auth: [{ client_id: 'backend_fin' }, {}],
  }
  const endpoints: Record<string, [path: string, body: object]> = {
    token: ['/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    revocation: ['/oauth/v2/revoke', { token: 'x' }],
    introspection: ['/oauth/v2/introspect', { token: access_token }],
  }
  for (const [endpoint, [path, request]] of Object.entries(endpoints)) {
    const found = await accepted(Object.keys(ways), async (method) => {
      const [body, headers] = ways[method] ?? [{}, {}]
      return (await http.post(path, { ...request, ...body }, headers as Record<string, string>)).status !== 401
    })
    t.same(found.sort(), metadata[`${endpoint}_endpoint_auth_methods_supported`]?.toSorted(), endpoint)
  }
})

t.test('JWKS and metadata have an ETag and may be cached; a request that has it is answered 304', async (t) => {
  for (const path of ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server']) {
    const first = await http.get(path)
    const etag = String(first.headers.get('etag'))
    t.match(etag, /^"[\w-]{22}"$/)
    t.equal(first.headers.get('cache-control'), 'public, max-age=300')
    t.equal(first.headers.get('pragma'), null)
    t.match(first.headers.get('content-type'), /^application\/json/)
    const same = [etag, `W/${etag}`, '*', `"another", ${etag}`, `W/"x",W/${etag} , "y"`]
    for (const tag of same) {
      const answer = await http.get(path, { 'if-none-match': tag })
      t.match({ status: answer.status, text: answer.text }, { status: 304, text: '' }, tag)
      t.equal(answer.headers.get('etag'), etag)
      t.equal(answer.headers.get('cache-control'), 'public, max-age=300', 'RFC 9110 §15.4.5')
    }
    for (const tag of ['"another"', etag.slice(1, -1), '', `${etag}x`]) {
      t.equal((await http.get(path, { 'if-none-match': tag })).status, 200, tag)
    }
    const head = await http.send('HEAD', path)
    t.match({ status: head.status, etag: head.headers.get('etag') }, { status: 200, etag })
  }
})
