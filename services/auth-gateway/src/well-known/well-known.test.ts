import { backOfficeToken } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'

const changePasswordUrl = 'https://bank.example/password'
const rekey = await startRekey(t, { env: { REKEY_CHANGE_PASSWORD_URL: changePasswordUrl } })

t.test('the metadata names what is there (RFC 8414)', async (t) => {
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

t.test('a password manager is sent to the page, and can tell that other addresses are not there', async (t) => {
  const answer = await fetch(`${rekey.url}/.well-known/change-password`, { redirect: 'manual' })
  t.equal(answer.status, 302)
  t.equal(answer.headers.get('location'), changePasswordUrl)
  t.equal(await answer.text(), '')
  const nowhere = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
  t.equal((await rekey.http.get(nowhere)).status, 404)
})

t.test('anyone can verify a token with the JWKS, which has public halves alone', async (t) => {
  const { body } = await rekey.http.get<{ keys: object[] }>('/.well-known/jwks.json')
  for (const key of body.keys) t.same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  const keys = createRemoteJWKSet(new URL(`${rekey.url}/.well-known/jwks.json`))
  const options = { issuer: rekey.url, audience: 'rekey:api', typ: 'at+jwt' }
  const { payload } = await jwtVerify(await backOfficeToken(rekey), keys, options)
  t.equal(payload.client_id, 'backend_fin')
})

t.test('an origin registered for a client may call from a browser, another may not', async (t) => {
  const ask = (origin: string) =>
    rekey.http.send('OPTIONS', '/oauth/v2/passwordRestore', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    })
  const ours = await ask('http://localhost')
  t.equal(ours.status, 204)
  t.equal(ours.headers.get('access-control-allow-origin'), 'http://localhost')
  t.equal((await ask('https://elsewhere.example')).headers.get('access-control-allow-origin'), null)
})
