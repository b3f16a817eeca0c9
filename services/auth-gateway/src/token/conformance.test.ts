import { createCustomer } from '@rekey/test-support/customers'
import { askLogin, askRestore, restore, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import * as oauth from 'openid-client'
import t, { type Test } from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

// openid-client, a certified library, runs every grant, and rejects answers that the RFCs do not allow.
const rekey = await startRekey(t, { env: registry(t) })

/** RFC 8414 discovery, over plain HTTP because it stays on loopback. */
const discover = (clientId: string, clientAuthentication: oauth.ClientAuth) =>
  oauth.discovery(new URL(rekey.url), clientId, undefined, clientAuthentication, {
    algorithm: 'oauth2',
    execute: [oauth.allowInsecureRequests],
  })

const asWebApp = () => discover(webApp.client_id, oauth.ClientSecretBasic(webApp.client_secret))
const asPublicApp = () => discover('another_app', oauth.None())
const asBackOffice = (authentication = oauth.ClientSecretBasic('secretkey')) => discover('backend_fin', authentication)

const newCustomer = () => createCustomer(rekey.postgres.url)

const apps = {
  'a public client': {
    config: asPublicApp,
    credentials: { client_id: 'another_app' },
    redirect_uri: 'http://localhost/another',
  },
  'a confidential client': { config: asWebApp, credentials: webApp, redirect_uri: webAppRedirect },
}
type App = (typeof apps)['a public client']

/** A sign-in. The library runs its last step. */
const signIn = async ({ config, credentials, redirect_uri }: App) => {
  const { answer, confirmation } = await askLogin(rekey, await newCustomer(), { ...credentials, redirect_uri })
  const mfa = { mfa_token: String(answer.body.mfa_token), code: confirmation }
  return oauth.genericGrantRequest(await config(), 'mfa_oob', mfa)
}

/** The redirect back to the client, with the authorization code of A2 and the issuer (RFC 9207), as metadata promises. */
const authorize = async ({ credentials, redirect_uri }: App, pkce: object) => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email, { ...credentials, redirect_uri, ...pkce })
  const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', ...credentials })
  const authorized = await rekey.http.post<Record<string, string>>('/oauth/v2/passwordRestoreVerification', body)
  const { code = '', state = '', redirect_uri: to = '' } = authorized.body
  return { state, callback: new URL(`${to}?${new URLSearchParams({ code, state, iss: rekey.url })}`) }
}

const isRefused = (t: Test, request: Promise<unknown>, error: string, status = 400) =>
  t.rejects(request, { name: 'ResponseBodyError', error, status })

t.test('RFC 8414: discovery finds the metadata of the issuer', async (t) => {
  const server = (await asWebApp()).serverMetadata()
  t.equal(server.issuer, rekey.url)
  t.ok(server.supportsPKCE())
  for (const url of [server.token_endpoint, server.revocation_endpoint, server.introspection_endpoint, server.jwks_uri])
    t.match(url, rekey.url)
})

t.test('RFC 6749 §4.4: client credentials are accepted in the header and in the body', async (t) => {
  for (const authentication of [oauth.ClientSecretBasic('secretkey'), oauth.ClientSecretPost('secretkey')]) {
    const token = await oauth.clientCredentialsGrant(await asBackOffice(authentication), { scope: 'REST:FULL' })
    t.match(token, { token_type: 'bearer', expires_in: 3600, scope: 'REST:FULL' })
    t.equal(token.refresh_token, undefined, 'RFC 6749 §4.4.3')
  }
})

t.test('RFC 6749 §4.1, RFC 7636: an authorization code is redeemed with PKCE, once', async (t) => {
  for (const app of Object.values(apps)) {
    const config = await app.config()
    const pkceCodeVerifier = oauth.randomPKCECodeVerifier()
    const code_challenge = await oauth.calculatePKCECodeChallenge(pkceCodeVerifier)
    const { callback, state } = await authorize(app, { code_challenge, code_challenge_method: 'S256' })
    const checks = { pkceCodeVerifier, expectedState: state }
    const token = await oauth.authorizationCodeGrant(config, callback, checks)
    t.match(token, { token_type: 'bearer', scope: 'CUSTOMER:PASSWORD:RESTORE' })
    t.equal((await restore(rekey, token.access_token, 'a new password')).status, 204)
    await isRefused(t, oauth.authorizationCodeGrant(config, callback, checks), 'invalid_grant')
  }
})

t.test('RFC 6749 §4.1: a confidential client needs no PKCE; an unexpected verifier is refused', async (t) => {
  const app = apps['a confidential client']
  const plain = await authorize(app, {})
  const token = await oauth.authorizationCodeGrant(await app.config(), plain.callback, { expectedState: plain.state })
  t.equal(token.token_type, 'bearer')
  const { callback, state } = await authorize(app, {})
  const checks = { pkceCodeVerifier: oauth.randomPKCECodeVerifier(), expectedState: state }
  await isRefused(t, oauth.authorizationCodeGrant(await app.config(), callback, checks), 'invalid_grant')
})

t.test('RFC 6749 §6: a refresh token rotates, and its reuse ends the session', async (t) => {
  for (const app of Object.values(apps)) {
    const config = await app.config()
    const first = await signIn(app)
    t.match(first, { token_type: 'bearer', refresh_token: String, scope: 'CUSTOMER:FULL' })
    const second = await oauth.refreshTokenGrant(config, String(first.refresh_token), { scope: 'CUSTOMER:FULL' })
    const third = await oauth.refreshTokenGrant(config, String(second.refresh_token))
    const history = new URL('/api/v2/my/password/changes', rekey.url)
    const answer = await oauth.fetchProtectedResource(config, third.access_token, history, 'GET')
    t.same(await answer.json(), { total: 0, data: [] })
    await isRefused(t, oauth.refreshTokenGrant(config, String(first.refresh_token)), 'invalid_grant')
    await isRefused(t, oauth.refreshTokenGrant(config, String(third.refresh_token)), 'invalid_grant')
    const refused = oauth.fetchProtectedResource(config, third.access_token, history, 'GET')
    await t.rejects(refused, { cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }] })
  }
})

t.test('RFC 7009, RFC 7662: revoking either token makes both inactive', async (t) => {
  const resourceServer = await asBackOffice()
  for (const app of Object.values(apps)) {
    const config = await app.config()
    for (const which of ['access_token', 'refresh_token'] as const) {
      const { access_token, refresh_token } = await signIn(app)
      const tokens = { access_token, refresh_token: String(refresh_token) }
      const before = await oauth.tokenIntrospection(resourceServer, access_token)
      t.match(before, { active: true, client_id: app.credentials.client_id, iss: rekey.url, token_type: 'bearer' })
      t.match(await oauth.tokenIntrospection(resourceServer, tokens.refresh_token), { active: true, sid: before.sid })
      await oauth.tokenRevocation(config, tokens[which], { token_type_hint: which })
      for (const token of Object.values(tokens)) {
        t.same(await oauth.tokenIntrospection(resourceServer, token), { active: false })
      }
      await oauth.tokenRevocation(config, tokens[which])
    }
    await oauth.tokenRevocation(config, 'an unknown token')
  }
})

t.test('RFC 6749 §5.2: the library recognises every error', async (t) => {
  const publicApp = await asPublicApp()
  const stranger = await discover('stranger', oauth.ClientSecretPost('x'))
  const invalidClient = { status: 401, cause: [{ scheme: 'basic', parameters: { realm: 'rekey' } }] }
  await t.rejects(oauth.clientCredentialsGrant(stranger), invalidClient)
  await t.rejects(oauth.clientCredentialsGrant(await asBackOffice(oauth.ClientSecretBasic('wrong'))), invalidClient)
  await t.rejects(oauth.tokenIntrospection(publicApp, 'x'), invalidClient)
  await isRefused(t, oauth.clientCredentialsGrant(publicApp), 'unauthorized_client')
  await isRefused(t, oauth.clientCredentialsGrant(await asBackOffice(), { scope: 'CUSTOMER:FULL' }), 'invalid_scope')
  await isRefused(t, oauth.refreshTokenGrant(publicApp, 'x'), 'invalid_grant')
  await isRefused(
    t,
    oauth.genericGrantRequest(publicApp, 'password', { username: 'a', password: 'b' }),
    'unsupported_grant_type',
  )
  const { refresh_token } = await signIn(apps['a confidential client'])
  await isRefused(t, oauth.refreshTokenGrant(publicApp, String(refresh_token)), 'invalid_grant')
  await isRefused(t, oauth.tokenRevocation(publicApp, String(refresh_token)), 'unauthorized_client')
})
