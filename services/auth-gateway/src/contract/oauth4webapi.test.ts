import { createCustomer } from '@rekey/test-support/customers'
import { asBearer, askRestore, restore, signInTokens, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import * as oauth from 'oauth4webapi'
import t from 'tap'

// oauth4webapi checks each answer by the RFCs: RFC 6749, 7009, 7636, 7662, 8414, 9068.
const rekey = await startRekey(t)
// Over plain HTTP, because it stays on loopback.
const options = { [oauth.allowInsecureRequests]: true }

const issuer = new URL(rekey.url)
const discovery = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
const server = await oauth.processDiscoveryResponse(issuer, discovery)
const publicClient: oauth.Client = { client_id: 'ib_localhost' }
const backOffice: oauth.Client = { client_id: 'backend_fin' }
const none = oauth.None()
const newCustomer = () => createCustomer(rekey.postgres.url)

/** RFC 9068 §4, with the keys of the JWKS. */
const validate = (accessToken: string) =>
  oauth.validateJwtAccessToken(
    server,
    new Request('https://api.example', { headers: asBearer(accessToken) }),
    'rekey:api',
    options,
  )

const introspect = async (token: string) => {
  const secret = oauth.ClientSecretBasic('secretkey')
  const response = await oauth.introspectionRequest(server, backOffice, secret, token, options)
  return oauth.processIntrospectionResponse(server, backOffice, response)
}

t.test('RFC 8414: the metadata is that of the issuer', (t) => {
  t.equal(server.issuer, rekey.url)
  t.same(server.code_challenge_methods_supported, ['S256'])
  t.equal(server.authorization_endpoint, `${rekey.url}/oauth/v2/authorize`)
  t.equal(server.authorization_response_iss_parameter_supported, true)
  t.end()
})

t.test('RFC 6749 §4.1, RFC 7636: ib_localhost redeems the authorization code of A2 with PKCE', async (t) => {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier)
  const request = { state, code_challenge, code_challenge_method: 'S256' }
  const { answer, confirmation } = await askRestore(rekey, (await newCustomer()).email, request)
  const answered = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', state })
  const { body } = await rekey.http.post<Record<string, string>>('/oauth/v2/passwordRestoreVerification', answered)
  const { code = '', redirect_uri = '' } = body
  const callback = new URLSearchParams({ code, state: String(body.state), iss: server.issuer })
  const parameters = oauth.validateAuthResponse(server, publicClient, callback, state)
  const redeem = () =>
    oauth.authorizationCodeGrantRequest(server, publicClient, none, parameters, redirect_uri, verifier, options)
  const token = await oauth.processAuthorizationCodeResponse(server, publicClient, await redeem())
  t.equal(token.scope, 'CUSTOMER:PASSWORD:RESTORE')
  t.match(await validate(token.access_token), { client_id: 'ib_localhost', scope: 'CUSTOMER:PASSWORD:RESTORE' })
  t.equal((await restore(rekey, token.access_token, 'a new password')).status, 204)
  const replayed = oauth.processAuthorizationCodeResponse(server, publicClient, await redeem())
  await t.rejects(replayed, { name: 'ResponseBodyError', error: 'invalid_grant', status: 400 })
})

t.test('RFC 6749 §6, RFC 7009, RFC 7662: a session is refreshed, introspected and revoked', async (t) => {
  const customer = await newCustomer()
  const { refresh_token } = await signInTokens(rekey, customer)
  const refresh = async (token: string) => {
    const response = await oauth.refreshTokenGrantRequest(server, publicClient, none, token, options)
    return oauth.processRefreshTokenResponse(server, publicClient, response)
  }
  const { access_token, refresh_token: next = '' } = await refresh(refresh_token)
  t.match(await validate(access_token), { sub: customer.code, client_id: 'ib_localhost' })
  t.match(await introspect(access_token), { active: true, sub: customer.code, scope: 'CUSTOMER:FULL' })
  const revoked = await oauth.revocationRequest(server, publicClient, none, next, options)
  t.equal(await oauth.processRevocationResponse(revoked), undefined)
  t.same(await introspect(access_token), { active: false })
  await t.rejects(refresh(next), { name: 'ResponseBodyError', error: 'invalid_grant', status: 400 })
})

t.test('RFC 6749 §4.4: backend_fin gets a token by client_credentials', async (t) => {
  for (const authentication of [oauth.ClientSecretBasic('secretkey'), oauth.ClientSecretPost('secretkey')]) {
    const scope = new URLSearchParams({ scope: 'REST:FULL' })
    const response = await oauth.clientCredentialsGrantRequest(server, backOffice, authentication, scope, options)
    const token = await oauth.processClientCredentialsResponse(server, backOffice, response)
    t.match(token, { token_type: 'bearer', expires_in: 3600, scope: 'REST:FULL' })
    t.match(await validate(token.access_token), { sub: 'backend_fin', client_id: 'backend_fin' })
  }
})

t.test('RFC 6749 §5.2: a wrong secret is answered with a challenge', async (t) => {
  const wrong = oauth.ClientSecretBasic('wrong')
  const response = await oauth.clientCredentialsGrantRequest(server, backOffice, wrong, new URLSearchParams(), options)
  const processed = oauth.processClientCredentialsResponse(server, backOffice, response)
  await t.rejects(processed, { status: 401, cause: [{ scheme: 'basic', parameters: { realm: 'rekey' } }] })
})
