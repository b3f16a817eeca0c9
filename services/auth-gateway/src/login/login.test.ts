import { createCustomer, sql } from '@rekey/test-support/customers'
import { askLogin, loginBody, signIn, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey

t.test('A4 lists the customer’s masked devices after a right password', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const answer = await http.post('/oauth/v2/login', loginBody(customer))
  t.equal(answer.status, 200)
  const local = customer.email.split('@')[0] ?? ''
  t.match(answer.body, {
    error: 'mfa_required',
    challenge_type: [`oob:email:t*${local.at(-1)}@example.com`, `oob:sms:+44*******${customer.phone.slice(-2)}`],
    binding_method: 'prompt',
    mfa_token: String,
    state,
  })
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('A4b and A5 return an access token of one hour for the code', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askLogin(rekey, customer)
  t.same(Object.keys(answer.body), ['mfa_token', 'code', 'error', 'error_description', 'state'])
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation, state }
  const token = await http.post('/oauth/v2/token', body)
  t.equal(token.status, 200)
  t.match(token.body, { access_token: String, token_type: 'bearer', expires_in: 3600, scope: 'CUSTOMER:FULL', state })
  t.match(
    await http.post('/oauth/v2/token', body),
    { status: 400, body: { error: 'invalid_grant' } },
    'the second time',
  )
})

t.test('the code of a sign-in can be sent to the phone', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const login = await http.post<{ challenge_type: string[]; mfa_token: string }>('/oauth/v2/login', loginBody(customer))
  const sent = await http.post('/oauth/v2/challenge', {
    challenge_type: login.body.challenge_type[1],
    client_timezone: '+5.5',
    mfa_token: login.body.mfa_token,
    response_type: 'access_token',
    state,
  })
  t.equal(sent.status, 200)
  t.match((await rekey.inbox.waitForMessage(customer.phone)).Text, `Verification code: ${sent.body.code}`)
})

t.test('a code is refused before a device was chosen', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const login = await http.post('/oauth/v2/login', loginBody(customer))
  const body = { grant_type: 'mfa_oob', mfa_token: login.body.mfa_token, code: '000000' }
  t.match(await http.post('/oauth/v2/token', body), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('S23: mail and SMS are the only factors, so a restore bypasses none', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { body } = await http.post<{ challenge_type: string[]; mfa_token: string }>(
    '/oauth/v2/login',
    loginBody(customer),
  )
  for (const device of body.challenge_type) t.match(device, /^oob:(email|sms):/)
  for (const other of ['otp', 'totp', 'webauthn', 'recovery_code', 'oob:push:phone']) {
    const refused = await http.post('/oauth/v2/challenge', {
      challenge_type: other,
      client_timezone: '-3',
      mfa_token: body.mfa_token,
      response_type: 'code',
      state,
    })
    t.match(refused, { status: 400, body: { error: 'invalid_request' } }, other)
  }
  const kinds = await sql<{ kind: string }>(
    rekey.postgres.url,
    'SELECT unnest(enum_range(null::identifier_kind)) AS kind',
  )
  t.same(
    kinds.map(({ kind }) => kind).toSorted(),
    ['email', 'phone'],
    'a new factor needs a decision here on what a restore requires',
  )
})

t.test('a scope that customers cannot have is refused', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (const scope of ['REST:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:FULL REST:FULL']) {
    t.match(await http.post('/oauth/v2/login', loginBody(customer, { scope })), {
      status: 400,
      body: { error: 'invalid_scope', error_description: 'Invalid scope.' },
    })
  }
})

t.test('a customer’s token opens the history, and no route of the back office', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const authorization = `Bearer ${await signIn(rekey, customer)}`
  t.same((await http.get('/api/v2/my/password/changes', { authorization })).body, { total: 0, data: [] })
  const set = await http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { authorization, 'content-type': 'application/json' },
    JSON.stringify({ password: 'a new password', send_mail: false }),
  )
  t.equal(set.status, 403)
  t.match(set.headers.get('www-authenticate'), 'insufficient_scope')
})
