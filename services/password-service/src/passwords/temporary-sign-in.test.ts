import { scopes } from '@rekey/contracts'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken, change, changeGrant, loginBody, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey

const history = async (accessToken: string) =>
  http.get('/api/v2/my/password/changes', { authorization: `Bearer ${accessToken}` })
const signInStatus = async (person: TestCustomer) => {
  const { status, body } = await http.post('/oauth/v2/login', loginBody(person))
  return { status, error: body.error }
}
const refused = { status: 400, error: 'access_denied' }

const staff = async (method: string, path: string, body?: object) =>
  http.send(
    method,
    path,
    { ...(body && { 'content-type': 'application/json' }), authorization: `Bearer ${await backOfficeToken(rekey)}` },
    body && JSON.stringify(body),
  )

t.test('a temporary password works for one sign-in, whose token allows the change only', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const temporary = { ...customer, password: 'given by the staff' }
  const set = { password: temporary.password, send_mail: true }
  t.equal((await staff('PUT', `/api/v2/clients/${customer.id}/password`, set)).status, 204)
  t.same(await signInStatus(customer), refused, 'the old password stopped working at once')

  const given = await signInTokens(rekey, temporary)
  t.match(given, { scope: scopes.change })
  t.notOk(given.refresh_token)
  await eventually(async () => (await signInStatus(temporary)).status === 400, {
    what: 'a second sign-in to be refused',
  })
  t.same(await signInStatus(temporary), refused)

  const opened = await history(given.access_token)
  t.equal(opened.status, 403)
  t.equal(opened.body.code, 'insufficient_scope')

  const successToken = await changeGrant(rekey, customer, given.access_token)
  const kept = await change(rekey, given.access_token, successToken, temporary.password)
  t.match(kept, { status: 422, body: { errors: [{ field: 'password', code: 'temporary' }] } })
  t.equal((await change(rekey, given.access_token, successToken, 'one of my own')).status, 204)

  const own = await signInTokens(rekey, { ...customer, password: 'one of my own' })
  t.match(own, { scope: scopes.full })
  const { status, body } = await history(own.access_token)
  t.equal(status, 200)
  t.match(body, { total: 2, data: [{ operation: 'change' }, { operation: 'set', type: 'changed' }] })
  t.same(await signInStatus(temporary), refused)
})

t.test('a password that the back office reset signs in until it is changed', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  t.equal((await staff('POST', `/api/v2/clients/${customer.id}/reset-password`)).status, 202)
  const first = await signInTokens(rekey, customer)
  const second = await signInTokens(rekey, customer)
  t.match([first, second], [{ scope: scopes.change }, { scope: scopes.change }])
  const successToken = await changeGrant(rekey, customer, second.access_token)
  t.equal((await change(rekey, second.access_token, successToken, 'one of my own')).status, 204)
  t.match(await signInTokens(rekey, { ...customer, password: 'one of my own' }), { scope: scopes.full })
})
