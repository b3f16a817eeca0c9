import { createCustomer } from '@rekey/test-support/customers'
import { askRestore, restore, signInTokens, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import * as client from 'openid-client'
import t from 'tap'

// openid-client against the sandbox's clients: it parses each redirect URI, so http://localhost becomes http://localhost/.
const rekey = await startRekey(t)

/** RFC 8414 discovery, over plain HTTP because it stays on loopback. */
const discover = (clientId: string, authentication: client.ClientAuth) =>
  client.discovery(new URL(rekey.url), clientId, undefined, authentication, {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })

const publicClient = await discover('ib_localhost', client.None())
const backOffice = await discover('backend_fin', client.ClientSecretPost('secretkey'))
const newCustomer = () => createCustomer(rekey.postgres.url)

t.test('ib_localhost restores a password with the authorization code of A2', async (t) => {
  const customer = await newCustomer()
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const redirect_uri = new URL('http://localhost').href
  const parameters = client.buildAuthorizationUrl(publicClient, {
    redirect_uri,
    scope: 'CUSTOMER:PASSWORD:RESTORE',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  }).searchParams
  const { answer, confirmation } = await askRestore(rekey, customer.email, Object.fromEntries(parameters))
  const answered = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', state, redirect_uri })
  const { body } = await rekey.http.post<Record<string, string>>('/oauth/v2/passwordRestoreVerification', answered)
  const callback = new URL(
    `${body.redirect_uri}?${new URLSearchParams({ code: body.code ?? '', state, iss: rekey.url })}`,
  )
  const token = await client.authorizationCodeGrant(publicClient, callback, { pkceCodeVerifier, expectedState: state })
  t.match(token, { token_type: 'bearer', scope: 'CUSTOMER:PASSWORD:RESTORE' })
  t.equal((await restore(rekey, token.access_token, 'a new password')).status, 204)
})

t.test('ib_localhost refreshes and revokes the tokens of a sign-in, and backend_fin introspects them', async (t) => {
  const first = await signInTokens(rekey, await newCustomer())
  const second = await client.refreshTokenGrant(publicClient, first.refresh_token)
  t.match(second, { refresh_token: String, scope: 'CUSTOMER:FULL' })
  const introspect = () => client.tokenIntrospection(backOffice, second.access_token)
  t.match(await introspect(), { active: true, client_id: 'ib_localhost', iss: rekey.url })
  await client.tokenRevocation(publicClient, String(second.refresh_token), { token_type_hint: 'refresh_token' })
  t.same(await introspect(), { active: false })
  await t.rejects(client.refreshTokenGrant(publicClient, String(second.refresh_token)), {
    name: 'ResponseBodyError',
    error: 'invalid_grant',
  })
})

t.test('backend_fin gets a token by client_credentials, with its secret in the header or in the body', async (t) => {
  for (const authentication of [client.ClientSecretBasic('secretkey'), client.ClientSecretPost('secretkey')]) {
    const config = await discover('backend_fin', authentication)
    const token = await client.clientCredentialsGrant(config, { scope: 'REST:FULL' })
    t.match(token, { token_type: 'bearer', expires_in: 3600, scope: 'REST:FULL' })
    t.match(await client.tokenIntrospection(config, token.access_token), { active: true, client_id: 'backend_fin' })
  }
})
