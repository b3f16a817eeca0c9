import { createCustomer } from '@rekey/test-support/customers'
import { askChange, change, changeGrant, messageAfter, restore, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey
const unauthorized = '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword'

const challengeShape = {
  token: String,
  provider: 'email',
  expiresAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
}

t.test('B5, B6, B1 change the password of a signed-in customer', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  const { answer, confirmation } = await askChange(rekey, customer, accessToken)
  t.equal(answer.status, 200)
  t.match(answer.body, challengeShape)
  const body = { token: answer.body.token, code: confirmation }
  const verified = await http.post('/api/v2/my/2fa/challenge', body)
  t.equal(verified.status, 200)
  t.match(verified.body, { successToken: String, expiresAt: challengeShape.expiresAt })
  const changed = await change(rekey, accessToken, String(verified.body.successToken), 'Qwerty123')
  t.equal(changed.status, 204)
  t.equal(changed.text, '')
  t.ok(await signIn(rekey, { ...customer, password: 'Qwerty123' }))
})

t.test('B5b, B6, B2 restore a password, by e-mail and by phone', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (const [query, address, provider] of [
    [`email=${encodeURIComponent(customer.email)}`, customer.email, 'email'],
    [`phone=${encodeURIComponent(customer.phone)}`, customer.phone, 'sms'],
    [`phone=${customer.phone}`, customer.phone, 'sms'],
  ] as const) {
    const sent = await messageAfter(rekey, address, () => http.get(`${unauthorized}&${query}`))
    t.match(sent.answer.body, { ...challengeShape, provider })
    const body = { token: sent.answer.body.token, code: sent.confirmation }
    const { successToken } = (await http.post('/api/v2/my/2fa/challenge', body)).body
    t.equal((await restore(rekey, String(successToken), 'Qwerty123')).status, 204)
  }
})

t.test('S19: a grant is refused for the other purpose, for another customer, and as a bearer token', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const other = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  const otherToken = await signIn(rekey, other)
  const successToken = await changeGrant(rekey, customer, accessToken)
  const refused = { status: 403, body: { code: 'success_token_refused' } }
  t.match(await restore(rekey, successToken, 'a new password'), refused)
  t.match(await change(rekey, otherToken, successToken, 'a new password'), refused)
  t.equal((await change(rekey, successToken, successToken, 'a new password')).status, 401, 'a grant is no bearer token')
  t.equal(
    (await change(rekey, accessToken, successToken, 'a new password')).status,
    204,
    'the refusals did not spend the grant',
  )
})

t.test('HEAD is refused, and sends no code', async (t) => {
  const answer = await http.send('HEAD', `${unauthorized}&email=a@example.com`)
  t.equal(answer.status, 405)
  t.match(answer.headers.get('allow'), 'GET')
})

t.test('B5b requires exactly one of email and phone, and a client that may restore', async (t) => {
  const both = await http.get(`${unauthorized}&email=a@example.com&phone=%2B447700900001`)
  t.match(both, { status: 400, body: { code: 'invalid_request', errors: [{ field: 'email' }] } })
  t.match(await http.get(unauthorized), { status: 400, body: { code: 'invalid_request' } })
  for (const client of ['stranger', 'backend_fin']) {
    t.match(await http.get(`${unauthorized}&email=a@example.com&client_id=${client}`), {
      status: 400,
      body: { code: 'access_denied' },
    })
  }
})
