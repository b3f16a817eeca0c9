import { backOfficeToken } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'

const changePasswordUrl = 'https://bank.example/password'
const rekey = await startRekey(t, { env: { REKEY_CHANGE_PASSWORD_URL: changePasswordUrl } })

t.test('the metadata lists the endpoints and grant types (RFC 8414)', async (t) => {
  const { status, body } = await rekey.http.get<Record<string, string>>('/.well-known/oauth-authorization-server')
  t.equal(status, 200)
  t.equal(body.issuer, rekey.url)
  t.equal(body.token_endpoint, `${rekey.url}/oauth/v2/token`)
  t.equal(body.jwks_uri, `${rekey.url}/.well-known/jwks.json`)
  t.equal(body.revocation_endpoint, `${rekey.url}/oauth/v2/revoke`)
  t.equal(body.introspection_endpoint, `${rekey.url}/oauth/v2/introspect`)
  t.ok(body.grant_types_supported?.includes('refresh_token'))
  t.notOk(body.grant_types_supported?.includes('password'))
})

t.test('a password manager is redirected to the page, and a missing path answers 404', async (t) => {
  const answer = await fetch(`${rekey.url}/.well-known/change-password`, { redirect: 'manual' })
  t.equal(answer.status, 302)
  t.equal(answer.headers.get('location'), changePasswordUrl)
  t.equal(await answer.text(), '')
  const missing = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
  t.equal((await rekey.http.get(missing)).status, 404)
})

t.test('a token verifies with the JWKS, which contains public keys only', async (t) => {
  const { body } = await rekey.http.get<{ keys: object[] }>('/.well-known/jwks.json')
  for (const key of body.keys) t.same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  const keys = createRemoteJWKSet(new URL(`${rekey.url}/.well-known/jwks.json`))
  const options = { issuer: rekey.url, audience: 'rekey:api', typ: 'at+jwt' }
  const { payload } = await jwtVerify(await backOfficeToken(rekey), keys, options)
  t.equal(payload.client_id, 'backend_fin')
})

t.test('CORS allows a registered origin, and no other', async (t) => {
  const preflight = (origin: string) =>
    rekey.http.send('OPTIONS', '/oauth/v2/passwordRestore', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    })
  const registered = await preflight('http://localhost')
  t.equal(registered.status, 204)
  t.equal(registered.headers.get('access-control-allow-origin'), 'http://localhost')
  t.equal((await preflight('https://elsewhere.example')).headers.get('access-control-allow-origin'), null)
})
