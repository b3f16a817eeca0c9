import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askChange, change, changeGrant, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { resources, startProvider } from './identity-provider.fixture.ts'

const provider = await startProvider(t)
const fewPasswords = 4
const rekey = await startRekey(t, {
  env: { ...provider.env, REKEY_LIMIT_PASSWORD_ACCOUNT: `${fewPasswords}/1h` },
})
const { http, clock } = rekey

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const history = (token: string) =>
  http.get<{ total: number; data: { id: number; type: string }[] }>('/api/v2/my/password/changes', bearer(token))
const refused = { status: 401, body: { code: 'invalid_token' } }

t.test('B1, B3 to B6: a customer signed in at the platform’s identity provider changes the password', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const token = await provider.signIn(customer.code)
  t.match(decodeProtectedHeader(token), { typ: 'at+jwt', alg: 'ES256' })
  t.match(await history(token), { status: 200, body: { total: 0 } })

  const grant = await changeGrant(rekey, customer, token)
  t.equal((await change(rekey, token, grant, 'another password')).status, 204)
  const { body } = await history(token)
  t.match(body, { total: 1, data: [{ type: 'restored' }] })
  const record = await http.get(`/api/v2/my/password/changes/${body.data[0]?.id}`, bearer(token))
  t.match(record, { status: 200, body: { operation: 'change', actor: 'client' } })
})

t.test(
  'S21: a change ends the customer’s other tokens of the identity provider, and keeps the token that made it',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const [mine, other] = [await provider.signIn(customer.code), await provider.signIn(customer.code)]
    const grant = await changeGrant(rekey, customer, mine)
    t.equal((await change(rekey, mine, grant, 'another password')).status, 204)
    t.match(await history(other), refused)
    t.equal((await history(mine)).status, 200)
    const again = async () => (await history(await provider.signIn(customer.code))).status === 200
    await eventually(again, { what: 'a later sign-in to be accepted' })
  },
)

t.test('B1: new passwords of a customer spend one quota, for tokens of either issuer', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const guess = async (token: string) => (await change(rekey, token, 'no grant', 'another password')).status
  const statuses = []
  for (let count = 0; count < fewPasswords; count += 1) statuses.push(await guess(await provider.signIn(customer.code)))
  t.same(statuses, Array(fewPasswords).fill(403))
  t.equal(await guess(await provider.signIn(customer.code)), 429)
  t.equal(await guess(await signIn(rekey, customer)), 429, 'a token of the gateway')
  const another = await createCustomer(rekey.postgres.url)
  t.equal(await guess(await provider.signIn(another.code)), 403)
})

t.test('B7, B8: the back office uses client credentials of the identity provider', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const token = await provider.backOfficeToken()
  const set = await http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { ...bearer(token), 'content-type': 'application/json' },
    JSON.stringify({ password: 'set by the back office', send_mail: false }),
  )
  t.equal(set.status, 204)
  const changes = await http.get(`/api/v2/clients/${customer.id}/password/changes`, bearer(token))
  t.match(changes, { status: 200, body: { total: 1, data: [{ type: 'changed', actor: 'back_office' }] } })
})

t.test('a token opens the routes of its scope, and is refused with another audience', async (t) => {
  const { code } = await createCustomer(rekey.postgres.url)
  const narrow = await history(await provider.signIn(code, { scope: 'CUSTOMER:PASSWORD:CHANGE' }))
  t.match(narrow, { status: 403, body: { code: 'insufficient_scope' } })
  const customers = await http.get('/api/v2/clients/1/password/changes', bearer(await provider.signIn(code)))
  t.match(customers, { status: 403, body: { code: 'insufficient_scope' } })

  const otherAudience = await provider.signIn(code, { resource: resources.other })
  const answer = await history(otherAudience)
  t.match(answer, refused)
  t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="rekey", error="invalid_token"')
  t.match(await http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(otherAudience)), refused)
})

t.test('S45: a token gives staff’s scope or customers’ scopes, by its audience alone', async (t) => {
  const { code, id } = await createCustomer(rekey.postgres.url)
  const everything = 'CUSTOMER:FULL CUSTOMER:PASSWORD:CHANGE REST:FULL'
  const records = (token: string) => http.get(`/api/v2/clients/${id}/password/changes`, bearer(token))
  const forbidden = { status: 403, body: { code: 'insufficient_scope' } }

  const asCustomer = await provider.signIn(code, { scope: everything })
  t.match(decodeJwt(asCustomer), { scope: everything })
  t.equal((await history(asCustomer)).status, 200)
  t.match(await records(asCustomer), forbidden)
  t.match(await records(await provider.backOfficeToken(resources.rekey)), forbidden)

  const asStaff = await provider.signIn(code, { scope: everything, resource: resources.staff })
  t.equal((await records(asStaff)).status, 200)
  t.match(await history(asStaff), forbidden)
})

t.test(
  'S19: a token of the identity provider is accepted neither as a success token nor as an mfa_token',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const token = await provider.signIn(customer.code)
    const asGrant = await change(rekey, token, token, 'another password')
    t.match(asGrant, { status: 403, body: { code: 'success_token_refused' } })
    const restored = await http.post(
      '/api/v2/my/password/restore',
      { password: 'another password' },
      { successToken: token },
    )
    t.match(restored, { status: 403, body: { code: 'success_token_refused' } })
    const { confirmation } = await askChange(rekey, customer, token)
    t.equal((await http.post('/api/v2/my/2fa/challenge', { token, code: confirmation })).status, 400)
    t.equal((await history(await signIn(rekey, customer))).status, 200)
  },
)

t.test('S29: tokens stay valid while the identity provider rotates its keys', async (t) => {
  const { code } = await createCustomer(rekey.postgres.url)
  const before = await provider.signIn(code)
  t.equal((await history(before)).status, 200)
  clock.advance(1_000)
  await provider.rotate('second')
  const after = await provider.signIn(code)
  t.equal(decodeProtectedHeader(after).kid, 'second')
  t.equal((await history(after)).status, 200)
  t.equal((await history(before)).status, 200)
})

t.test('S25: without the identity provider its keys are used for an hour; then tokens get 503, not 401', async (t) => {
  const { code } = await createCustomer(rekey.postgres.url)
  const token = await provider.signIn(code)
  t.equal((await history(token)).status, 200)
  await provider.stop()
  clock.advance(20 * 60_000)
  t.equal((await history(token)).status, 200)
  clock.advance(50 * 60_000)
  const answer = await history(token)
  t.match(answer, { status: 503, body: { code: 'unavailable' } })
  t.ok(Number(answer.headers.get('retry-after')) > 0)
  await provider.restart()
  clock.advance(1_000)
  t.equal((await history(token)).status, 200)

  clock.advance(((decodeJwt(token).exp ?? 0) + 1) * 1_000 - clock.now().getTime())
  t.match(await history(token), refused, 'expired')
})
