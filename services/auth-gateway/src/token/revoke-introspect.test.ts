import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  backOfficeToken,
  restore,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey
const passwordService = createHttp(rekey.passwordServiceUrl)

const backOffice = { client_id: 'backend_fin', client_secret: 'secretkey' }
const publicApp = { client_id: 'ib_localhost' }
const newCustomer = () => createCustomer(rekey.postgres.url)
const revoke = (token: unknown, client: object = publicApp, headers: object = {}) =>
  http.post('/oauth/v2/revoke', { token, ...client }, { ...headers })
const introspect = (token: unknown, client: object = backOffice) =>
  http.post('/oauth/v2/introspect', { token, ...client })
const refresh = (token: unknown) =>
  http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: token, ...publicApp })
const history = (token: unknown, through = http) =>
  through.get('/api/v2/my/password/changes', { authorization: `Bearer ${token}` })
const inactive = { active: false }

t.test('A6 revoking either token ends both, also at the password-service', async (t) => {
  for (const which of ['access_token', 'refresh_token'] as const) {
    const tokens = await signInTokens(rekey, await newCustomer())
    const answer = await revoke(tokens[which])
    t.match(answer, { status: 200, text: '{}' })
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal((await history(tokens.access_token)).status, 401)
    t.match(await refresh(tokens.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    const what = 'a refusal by the password-service'
    await eventually(async () => (await history(tokens.access_token, passwordService)).status === 401, {
      what,
    })
    t.equal((await revoke(tokens[which])).status, 200, 'a repeated revocation')
  }
})

t.test('A6 revoking a rotated refresh token ends its session', async (t) => {
  const { refresh_token } = await signInTokens(rekey, await newCustomer())
  const { body } = await refresh(refresh_token)
  t.equal((await revoke(refresh_token)).status, 200)
  t.equal((await history(body.access_token)).status, 401)
})

t.test('A6 revoking one session leaves the customer’s other sessions active', async (t) => {
  const customer = await newCustomer()
  const [one, two] = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  await revoke(one.refresh_token)
  t.equal((await history(two.access_token)).status, 200)
  t.equal((await refresh(two.refresh_token)).status, 200)
})

t.test('A6 a grant and a back-office token can be revoked', async (t) => {
  const customer = await newCustomer()
  const grant = await restoreGrant(rekey, customer)
  t.equal((await revoke(grant)).status, 200)
  t.match((await introspect(grant)).body, inactive)
  const what = 'the password-service to refuse the grant'
  await eventually(async () => (await restore(rekey, grant, 'a new password')).status === 403, {
    what,
  })
  const staff = await backOfficeToken(rekey)
  t.equal((await revoke(staff, backOffice)).status, 200)
  const changes = `/api/v2/clients/${customer.id}/password/changes`
  t.equal((await http.get(changes, { authorization: `Bearer ${staff}` })).status, 401)
})

t.test('A6 an unknown token is answered as revoked; another client’s token is refused', async (t) => {
  for (const token of ['x', 'a.b.c', 'a.b.c.d.e']) t.equal((await revoke(token)).status, 200)
  const tokens = await signInTokens(rekey, await newCustomer())
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    for (const client of [{ client_id: 'another_app' }, webApp, backOffice]) {
      t.match(await revoke(token, client), { status: 400, body: { error: 'unauthorized_client' } })
    }
    for (const client of [
      { client_id: 'stranger' },
      { ...backOffice, client_secret: 'x' },
      { client_id: 'backend_fin' },
    ]) {
      const refused = await revoke(token, client)
      t.match(refused, { status: 401, body: { error: 'invalid_client' } })
      t.match(refused.headers.get('www-authenticate'), /^Basic/)
    }
  }
  t.equal((await history(tokens.access_token)).status, 200)
  t.equal((await refresh(tokens.refresh_token)).status, 200)
})

t.test('A6 only the authenticated client can revoke a confidential client’s token', async (t) => {
  const request = { client_id: webApp.client_id, redirect_uri: webAppRedirect }
  const { access_token, refresh_token } = await signInTokens(rekey, await newCustomer(), request, webApp)
  for (const client of [{}, { client_id: webApp.client_id }]) {
    t.match(await revoke(refresh_token, client), { status: 401, body: { error: 'invalid_client' } })
  }
  t.equal((await history(access_token)).status, 200)
  t.equal((await revoke(refresh_token, webApp)).status, 200)
  t.equal((await history(access_token)).status, 401)
})

t.test('A6 forms are accepted, and token_type_hint changes nothing', async (t) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const hint of ['refresh_token', 'access_token', 'saml']) {
    const { access_token } = await signInTokens(rekey, await newCustomer())
    const form = (client: object) => new URLSearchParams({ token: access_token, token_type_hint: hint, ...client })
    const introspected = await http.send('POST', '/oauth/v2/introspect', headers, `${form(backOffice)}`)
    t.match(introspected, { status: 200, body: { active: true } })
    t.match(await http.send('POST', '/oauth/v2/revoke', headers, `${form(publicApp)}`), { status: 200 })
    t.match((await introspect(access_token)).body, inactive)
  }
})

t.test('A6 introspection returns the claims of access and refresh tokens', async (t) => {
  const customer = await newCustomer()
  const { access_token, refresh_token } = await signInTokens(rekey, customer)
  const { sid, jti, exp, iat } = decodeJwt(access_token)
  const common = { active: true, client_id: 'ib_localhost', sub: customer.code, iss: rekey.url, sid }
  const access = await introspect(access_token)
  t.equal(access.headers.get('cache-control'), 'no-store')
  const aud = ['rekey:api']
  t.same(access.body, { ...common, scope: 'CUSTOMER:FULL', token_type: 'bearer', exp, iat, aud, jti })
  const refreshClaims = (await introspect(refresh_token)).body
  t.match(refreshClaims, { ...common, scope: 'CUSTOMER:FULL', token_type: 'refresh_token' })
  const hours = (Number(refreshClaims.exp) - Number(iat)) / 3_600
  t.ok(hours > 11.99 && hours <= 12, `${hours} h`)

  await refresh(refresh_token)
  t.same((await introspect(refresh_token)).body, inactive, 'a rotated refresh token')
  t.equal((await introspect(access_token)).body.active, true, 'introspection does not spend the token')
})

t.test('A6 a client that is no resource server introspects its own tokens alone', async (t) => {
  const asWebApp = { client_id: webApp.client_id, redirect_uri: webAppRedirect }
  const own = await signInTokens(rekey, await newCustomer(), asWebApp, webApp)
  const others = await signInTokens(rekey, await newCustomer())
  for (const kind of ['access_token', 'refresh_token'] as const) {
    t.match((await introspect(own[kind], webApp)).body, { active: true, client_id: webApp.client_id }, kind)
    t.same((await introspect(others[kind], webApp)).body, inactive, 'RFC 7662 §2.2')
    for (const tokens of [own, others]) t.equal((await introspect(tokens[kind])).body.active, true, 'a resource server')
  }
  t.same((await introspect(await backOfficeToken(rekey), webApp)).body, inactive)
  t.same((await introspect(await restoreGrant(rekey, await newCustomer()), webApp)).body, inactive)
})

t.test('A6 introspection of a restore’s grant does not reveal the customer', async (t) => {
  const customer = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const body = verificationBody(answer.body.mfa_token, confirmation)
  const { sign_token } = (await http.post('/oauth/v2/passwordRestoreVerification', body)).body
  const { text } = await introspect(sign_token)
  t.match(JSON.parse(text), { active: true, scope: 'CUSTOMER:PASSWORD:RESTORE', aud: ['rekey:grant'] })
  for (const secret of [customer.code, customer.email]) t.notOk(text.includes(secret))
})

t.test(
  'A6 introspection requires a confidential client, and says only active: false of an invalid token',
  async (t) => {
    const { access_token } = await signInTokens(rekey, await newCustomer())
    for (const client of [{}, publicApp, { ...backOffice, client_secret: 'x' }, { client_id: 'stranger' }]) {
      t.match(await introspect(access_token, client), { status: 401, body: { error: 'invalid_client' } })
    }
    for (const token of ['x', `${access_token.slice(0, -4)}AAAA`]) t.same((await introspect(token)).body, inactive)
    rekey.clock.advance(3_600_000)
    t.same((await introspect(access_token)).body, inactive, 'expired')
  },
)
