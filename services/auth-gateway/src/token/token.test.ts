import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createCustomer } from '@rekey/test-support/customers'
import { askLogin, restore, restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt, SignJWT } from 'jose'
import t from 'tap'
import { bothKinds, registry, webApp } from '../clients/registry.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey

const [signingKey] = JSON.parse(readFileSync(rekey.gatewayConfig.REKEY_SIGNING_KEYS_FILE, 'utf8')).keys
const ours = createPrivateKey({ key: signingKey, format: 'jwk' })
const seconds = () => Math.floor(rekey.clock.now().getTime() / 1_000)

const goodHeader = { alg: 'EdDSA', typ: 'at+jwt', kid: signingKey.kid }
const sign = (claims: object, header: object = {}, key: KeyObject = ours) =>
  new SignJWT({ ...claims }).setProtectedHeader({ ...goodHeader, ...header }).sign(key)

t.test('S27: a success token with a wrong signature, audience, purpose or challenge sets no password', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const grant = decodeJwt(await restoreGrant(rekey, customer))
  const foreign = generateKeyPairSync('ed25519').privateKey
  const attacks = {
    'another key': await sign(grant, {}, foreign),
    'the API audience': await sign({ ...grant, aud: ['rekey:api'] }),
    'another purpose': await sign({ ...grant, purpose: 'change' }),
    'no purpose': await sign({ ...grant, purpose: undefined }),
    'another challenge': await sign({ ...grant, challenge_id: '01890000-0000-7000-8000-000000000000' }),
    'a malformed jti': await sign({ ...grant, jti: 'x'.repeat(3000) }),
    expired: await sign({ ...grant, exp: seconds() - 1 }),
    missing: '',
  }
  for (const [name, token] of Object.entries(attacks)) {
    t.match(
      await restore(rekey, token, 'a new password'),
      { status: 403, body: { code: 'success_token_refused' } },
      name,
    )
  }
  t.equal((await restore(rekey, await sign(grant), 'a new password')).status, 204)
})

t.test(
  'S28: client credentials are accepted by Basic or in the body; a wrong secret is answered with WWW-Authenticate',
  async (t) => {
    const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })
    const body = { grant_type: 'client_credentials' }
    const good = await http.post('/oauth/v2/token', body, basic('backend_fin', 'secretkey'))
    t.match(good.body, { access_token: String, token_type: 'bearer', expires_in: 3600, scope: 'REST:FULL' })
    t.equal(good.headers.get('cache-control'), 'no-store')
    const inBody = { ...body, client_id: 'backend_fin', client_secret: 'secretkey' }
    t.equal((await http.post('/oauth/v2/token', inBody)).status, 200)

    const refusals = [
      await http.post('/oauth/v2/token', body, basic('backend_fin', 'wrong')),
      await http.post('/oauth/v2/token', body, basic('stranger', 'secretkey')),
      await http.post('/oauth/v2/token', body, { authorization: 'Basic %%%' }),
      await http.post('/oauth/v2/token', body),
      await http.post('/oauth/v2/token', body, basic('backend_fin', '')),
      await http.post('/oauth/v2/token', body, basic('', '')),
    ]
    for (const refusal of refusals) {
      t.match(refusal, { status: 401, body: { error: 'invalid_client' } })
      t.match(refusal.headers.get('www-authenticate'), /^Basic/)
    }
    const asPublic = await http.post('/oauth/v2/token', body, basic('ib_localhost', ''))
    t.match(asPublic.body, { error: 'unauthorized_client' }, 'an empty secret is none (RFC 6749 §2.3.1)')
    t.match(await http.post('/oauth/v2/token', inBody, basic('backend_fin', 'secretkey')), {
      status: 400,
      body: { error: 'invalid_request' },
    })
    t.match(await http.post('/oauth/v2/token', { ...inBody, scope: 'CUSTOMER:FULL' }), {
      status: 400,
      body: { error: 'invalid_scope' },
    })
  },
)

t.test('client_credentials never grants a customer’s scope: the client id could be a customer’s code', async (t) => {
  const request = (client: object, scope?: string) =>
    http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...client, scope })
  const unauthorized = { status: 400, body: { error: 'unauthorized_client' } }
  for (const scope of [undefined, 'CUSTOMER:FULL', 'CUSTOMER:PASSWORD:CHANGE'])
    t.match(await request(webApp, scope), unauthorized)
  t.equal((await request(bothKinds)).body.scope, 'REST:FULL')
  for (const scope of ['CUSTOMER:FULL', 'REST:FULL CUSTOMER:FULL']) {
    t.match(await request(bothKinds, scope), { status: 400, body: { error: 'invalid_scope' } })
  }
})

t.test('S28: a wrong client secret is refused, also in a sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askLogin(rekey, customer)
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  const refused = { status: 401, body: { error: 'invalid_client' } }
  t.match(await http.post('/oauth/v2/token', { ...body, client_id: 'backend_fin' }), refused)
  t.match(await http.post('/oauth/v2/token', { ...body, client_id: 'stranger' }), refused)
  t.match(await http.post('/oauth/v2/token', { ...body, client_id: 'ib_localhost', client_secret: 'x' }), refused)
  t.match(await http.post('/oauth/v2/token', { ...body, scope: 'REST:FULL' }), { body: { error: 'invalid_scope' } })
  t.equal(
    (await http.post('/oauth/v2/token', { ...body, client_id: 'ib_localhost' })).status,
    200,
    'the refusals did not spend the code',
  )
})

t.test('S28: A5 answers with the errors of RFC 6749', async (t) => {
  const expectations = [
    [{}, 'invalid_request', 'grant_type is missing.'],
    [
      { grant_type: 'password', username: 'a', password: 'b' },
      'unsupported_grant_type',
      'grant_type must be one of mfa_oob, mfa_otp, mfa_recovery_code, mfa_webauthn, authorization_code, code, refresh_token, client_credentials.',
    ],
    [
      { grant_type: 'constructor' },
      'unsupported_grant_type',
      'grant_type must be one of mfa_oob, mfa_otp, mfa_recovery_code, mfa_webauthn, authorization_code, code, refresh_token, client_credentials.',
    ],
    [{ grant_type: 'mfa_oob' }, 'invalid_request', 'mfa_token is missing; code is missing.'],
    [{ grant_type: 'authorization_code' }, 'invalid_request', 'code is missing; redirect_uri is missing.'],
    [
      { grant_type: 'code', code: 'x', client_id: 'ib_localhost', redirect_uri: 'http://localhost' },
      'invalid_grant',
      'The code is wrong, expired, replaced or already used.',
    ],
    [
      { grant_type: 'client_credentials', client_id: 'ib_localhost' },
      'unauthorized_client',
      'The client is not allowed to use this grant type.',
    ],
  ] as const
  for (const [body, error, description] of expectations) {
    const answer = await http.post('/oauth/v2/token', { ...body, state: 's' })
    t.equal(answer.status, 400)
    t.same(answer.body, { error, error_description: description, state: 's' })
  }
})
