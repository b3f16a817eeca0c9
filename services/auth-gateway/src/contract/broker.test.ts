import { maskAddress, parseUsername } from '@rekey/contracts'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  askRestore,
  backOfficeToken,
  change,
  changeGrant,
  loginBody,
  messageAfter,
  restore,
  restoreGrant,
  signIn,
  wrongCode,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'

// The broker's API: one test for each row of its contract.
const rekey = await startRekey(t)
const { http } = rekey
const backOffice = { authorization: `Bearer ${await backOfficeToken(rekey)}` }
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/

const newCustomer = () => createCustomer(rekey.postgres.url)
const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })
const json = { 'content-type': 'application/json' }

const isProblem = (t: Test, answer: Awaited<ReturnType<typeof http.get>>, status: number, code: string) => {
  t.equal(answer.status, status, code)
  t.match(answer.body, { type: `urn:rekey:problem:${code}`, title: String, status, detail: String, code })
  t.match(answer.headers.get('content-type'), 'application/problem+json')
}

/** A signed-in customer with one change in the history. */
const changed = async () => {
  const customer = await newCustomer()
  await restore(rekey, await restoreGrant(rekey, customer), 'My own password')
  const changedCustomer = { ...customer, password: 'My own password' }
  return { customer: changedCustomer, token: await signIn(rekey, changedCustomer) }
}

t.test('B1. POST /api/v2/my/password/change', async (t) => {
  const customer = await newCustomer()
  const token = await signIn(rekey, customer)
  const grant = await changeGrant(rekey, customer, token)
  isProblem(t, await change(rekey, token, '', 'Qwerty123'), 403, 'success_token_refused')
  isProblem(t, await change(rekey, 'nonsense', grant, 'Qwerty123'), 401, 'invalid_token')
  isProblem(t, await change(rekey, token, grant, 'short'), 422, 'password_refused')
  isProblem(
    t,
    await change(rekey, token, await restoreGrant(rekey, customer), 'Qwerty123'),
    403,
    'success_token_refused',
  )
  const done = await change(rekey, token, grant, 'Qwerty123')
  t.equal(done.status, 204)
  t.equal(done.text, '')
  isProblem(t, await change(rekey, token, grant, 'Qwerty123'), 403, 'success_token_refused')
})

t.test('B2. POST /api/v2/my/password/restore', async (t) => {
  const customer = await newCustomer()
  const grant = await restoreGrant(rekey, customer)
  isProblem(t, await restore(rekey, grant, 'short'), 422, 'password_refused')
  const done = await restore(rekey, grant, 'Qwerty123')
  t.equal(done.status, 204)
  t.equal(done.text, '')
  isProblem(t, await restore(rekey, grant, 'Qwerty123'), 403, 'success_token_refused')
  const token = await signIn(rekey, { ...customer, password: 'Qwerty123' })
  const another = await changeGrant(rekey, customer, token)
  isProblem(t, await restore(rekey, another, 'Qwerty123'), 403, 'success_token_refused')
})

t.test('B3. GET /api/v2/my/password/changes', async (t) => {
  const { token } = await changed()
  const list = (query = '') => http.get(`/api/v2/my/password/changes${query}`, bearer(token))
  const all = await list('?limit=10&offset=0&sort_order=desc&sort_by=createTime')
  t.equal(all.status, 200)
  t.match(all.body, { total: 1, data: [{ id: Number, type: 'restored', createTime: time }] })
  const [record] = all.body.data as object[]
  t.same(Object.keys(record ?? {}).slice(0, 3), ['id', 'type', 'createTime'])
  t.same((await list()).body, all.body)
  t.match((await list('?offset=1')).body, { total: 1, data: [] })
  for (const query of ['?limit=0', '?limit=101', '?offset=-1', '?sort_order=up', '?sort_by=id']) {
    isProblem(t, await list(query), 400, 'invalid_request')
  }
  isProblem(t, await http.get('/api/v2/my/password/changes'), 401, 'invalid_token')
})

t.test('B4. GET /api/v2/my/password/changes/{changeId}', async (t) => {
  const [mine, anothers] = await Promise.all([changed(), changed()])
  const idOf = async (token: string) => {
    const { body } = await http.get<{ data: { id: number }[] }>('/api/v2/my/password/changes', bearer(token))
    return body.data[0]?.id
  }
  const getChange = (id: unknown) => http.get(`/api/v2/my/password/changes/${id}`, bearer(mine.token))
  const one = await getChange(await idOf(mine.token))
  t.equal(one.status, 200)
  t.match(one.body, {
    type: 'restored',
    createTime: time,
    operation: 'restore',
    actor: 'client',
    holdUntil: time,
    digest: /^[0-9a-f]{64}$/,
  })
  const none = await getChange(2_000_000_000)
  isProblem(t, none, 404, 'not_found')
  t.same((await getChange(await idOf(anothers.token))).body, none.body)
})

t.test('B5. GET /api/v2/my/2fa/challenge', async (t) => {
  const customer = await newCustomer()
  const { answer, confirmation } = await askChange(rekey, customer, await signIn(rekey, customer))
  t.equal(answer.status, 200)
  t.match(answer.body, { token: String, provider: 'email', expiresAt: time })
  t.match(confirmation, /^\d{6}$/)
  const path = '/api/v2/my/2fa/challenge?businessProcess=changePassword'
  isProblem(t, await http.get(path), 401, 'invalid_token')
  isProblem(
    t,
    await http.get(path.replace('change', 'restore'), bearer(await signIn(rekey, customer))),
    400,
    'invalid_request',
  )
})

t.test('B5b. GET /api/v2/my/2fa/unauthorized/challenge', async (t) => {
  const { email, phone } = await newCustomer()
  const path = '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword'
  const known = await http.get(`${path}&email=${encodeURIComponent(email)}`)
  t.match(known.body, { token: String, provider: 'email', expiresAt: time })
  const unknown = await http.get(`${path}&email=nobody%40example.com`)
  t.equal(unknown.status, known.status)
  t.same(Object.keys(unknown.body), Object.keys(known.body))
  t.match((await http.get(`${path}&phone=${encodeURIComponent(phone)}`)).body, { provider: 'sms' })
  isProblem(t, await http.get(path), 400, 'invalid_request')
  isProblem(t, await http.get(`${path}&email=nobody%40example.com&client_id=nobody`), 400, 'access_denied')
})

t.test('B6. POST /api/v2/my/2fa/challenge', async (t) => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await messageAfter(rekey, email, () =>
    http.get(
      `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${encodeURIComponent(email)}`,
    ),
  )
  const submit = (code: unknown) => http.post('/api/v2/my/2fa/challenge', { token: answer.body.token, code })
  isProblem(t, await submit(wrongCode(confirmation)), 400, 'invalid_grant')
  const verified = await submit(confirmation)
  t.equal(verified.status, 200)
  t.match(verified.body, { successToken: String, expiresAt: time })
  isProblem(t, await submit(confirmation), 400, 'invalid_grant')
  t.equal((await restore(rekey, String(verified.body.successToken), 'Qwerty123')).status, 204)
})

const put = (id: number, body: object, method = 'PUT', headers: object = backOffice) =>
  http.send(method, `/api/v2/clients/${id}/password`, { ...json, ...headers }, JSON.stringify(body))

t.test('B7. PUT and PATCH /api/v2/clients/{clientId}/password', async (t) => {
  const customer = await newCustomer()
  const set = { password: 'Set by staff', send_mail: false }
  for (const method of ['PUT', 'PATCH']) t.equal((await put(customer.id, set, method)).status, 204)
  const narrowed = await signIn(rekey, { ...customer, password: 'Set by staff' })
  isProblem(t, await http.get('/api/v2/my/password/changes', bearer(narrowed)), 403, 'insufficient_scope')
  const { body } = await http.get(`/api/v2/clients/${customer.id}/password/changes`, backOffice)
  t.match(body, { total: 2, data: [{ type: 'changed', operation: 'set', actor: 'back_office' }, { type: 'changed' }] })

  t.equal((await put(customer.id, { password: 'Temporary by mail', send_mail: true })).status, 204)
  await eventually(
    async () =>
      (await rekey.inbox.messagesTo(customer.email)).some(({ Text }) =>
        Text.includes('Temporary password: Temporary by mail'),
      ),
    { what: 'the temporary password by mail' },
  )
  for (const body of [{ password: 'Set by staff' }, { send_mail: true }]) {
    isProblem(t, await put(customer.id, body), 400, 'invalid_request')
  }
  isProblem(t, await put(customer.id, { password: 'short', send_mail: false }), 422, 'password_refused')
  isProblem(t, await put(2_000_000_000, set), 404, 'not_found')
  isProblem(t, await put(customer.id, set, 'PUT', {}), 401, 'invalid_token')
  isProblem(t, await put(customer.id, set, 'PUT', bearer(await signInOf())), 403, 'insufficient_scope')
})

/** The published example: `curl --data-raw` without a content type, which curl then sets to that of forms. */
t.test('B7 as the published curl sends it, and as a form', async (t) => {
  const customer = await newCustomer()
  const headers = {
    ...backOffice,
    'accept-language': 'ja',
    'content-type': 'application/x-www-form-urlencoded',
    'user-agent': 'curl/8.7.1',
    accept: '*/*',
  }
  const path = `/api/v2/clients/${customer.id}/password`
  const example = '{\n  "password": "Qwerty123",\n  "send_mail": true\n}'
  for (const method of ['PATCH', 'PUT']) {
    const answer = await http.send(method, path, headers, example)
    t.equal(answer.status, 204, method)
    t.equal(answer.text, '')
  }
  for (const [form, status] of [
    ['password=Set+by+staff&send_mail=false', 204],
    ['password=Set+by+staff&send_mail=1', 204],
    ['password=Set+by+staff&send_mail=perhaps', 400],
    ['password=Set+by+staff', 400],
    ['{"password":"Set by staff"}', 400],
    ['{"password":"Set by staff","send_mail":"true"}', 400],
    ['{"password":', 400],
  ] as const) {
    t.equal((await http.send('PUT', path, headers, form)).status, status, form)
  }
  t.equal((await http.send('POST', `/api/v2/clients/${customer.id}/reset-password`, headers)).status, 202)
  t.equal((await http.send('PUT', path, { ...headers, ...bearer(await signInOf()) }, example)).status, 403)
})

const signInOf = async () => signIn(rekey, await newCustomer())

t.test('B8. GET /api/v2/clients/{clientId}/password/changes and /{changeId}', async (t) => {
  const { customer, token } = await changed()
  const mine = await http.get<{ data: { id: number }[] }>('/api/v2/my/password/changes', bearer(token))
  const list = await http.get(`/api/v2/clients/${customer.id}/password/changes`, backOffice)
  const [own] = mine.body.data
  t.same(list.body, { total: 1, data: [{ ...own, actorId: customer.code }] })
  const id = own?.id
  t.same((await http.get(`/api/v2/clients/${customer.id}/password/changes/${id}`, backOffice)).body, {
    ...own,
    actorId: customer.code,
  })
  const stranger: TestCustomer = await newCustomer()
  isProblem(t, await http.get(`/api/v2/clients/${stranger.id}/password/changes/${id}`, backOffice), 404, 'not_found')
  isProblem(t, await http.get('/api/v2/clients/2000000000/password/changes', backOffice), 404, 'not_found')
  isProblem(
    t,
    await http.get(`/api/v2/clients/${customer.id}/password/changes`, bearer(token)),
    403,
    'insufficient_scope',
  )
})

t.test('B9. POST /api/v2/clients/{clientId}/reset-password', async (t) => {
  const customer = await newCustomer()
  const token = await signIn(rekey, customer)
  const post = (id: number, headers: object = {}) =>
    http.send('POST', `/api/v2/clients/${id}/reset-password`, { ...backOffice, ...headers })
  t.equal((await post(customer.id)).status, 202)
  isProblem(t, await http.get('/api/v2/my/password/changes', bearer(token)), 401, 'invalid_token')
  t.equal((await http.post('/oauth/v2/login', loginBody(customer))).status, 200, 'the password still signs in')
  const narrowed = await signIn(rekey, customer)
  isProblem(t, await http.get('/api/v2/my/password/changes', bearer(narrowed)), 403, 'insufficient_scope')
  const grant = await changeGrant(rekey, customer, narrowed)
  t.equal((await change(rekey, narrowed, grant, 'A new one, mine')).status, 204)
  isProblem(t, await post(2_000_000_000), 404, 'not_found')
  t.equal((await post(customer.id, json)).status, 202, 'with a content type and an empty body')
})

t.test('B9. POST /api/v2/clients/reset-password', async (t) => {
  const customers = await Promise.all([newCustomer(), newCustomer(), newCustomer()])
  const started = await http.send('POST', '/api/v2/clients/reset-password', backOffice)
  t.equal(started.status, 202)
  const job = await eventually(
    async () => {
      const { status, body } = await http.get(`/api/v2/jobs/${started.body.jobId}`, backOffice)
      t.equal(status, 200)
      return body.state === 'done' ? body : undefined
    },
    { what: 'the job to be done' },
  )
  t.ok(Number(job.total) >= 3)
  t.match(job, { state: 'done', done: job.total, failed: 0 })
  for (const { id } of customers) {
    const { body } = await http.get(`/api/v2/clients/${id}/password/changes`, backOffice)
    t.match(body, { total: 1, data: [{ type: 'changed', operation: 'reset', actor: 'back_office' }] })
  }
  isProblem(t, await http.get('/api/v2/jobs/018f0000-0000-7000-8000-000000000000', backOffice), 404, 'not_found')
  isProblem(t, await http.send('POST', '/api/v2/clients/reset-password'), 401, 'invalid_token')
  // A token of the second in which the job started has ended.
  rekey.clock.advance(1_000)
})

t.test('B10. GET /api/v2/clients and /{clientId}', async (t) => {
  const customer = await newCustomer()
  const one = await http.get(`/api/v2/clients/${customer.id}`, backOffice)
  t.equal(one.status, 200)
  t.match(one.body, { id: customer.id, customer: customer.code, status: 'active', mustChange: false })
  for (const query of [`email=${customer.email}`, `phone=${encodeURIComponent(customer.phone)}`]) {
    t.same((await http.get(`/api/v2/clients?${query}`, backOffice)).body, { total: 1, data: [one.body] })
  }
  isProblem(t, await http.get('/api/v2/clients', backOffice), 400, 'invalid_request')
  isProblem(t, await http.get('/api/v2/clients/2000000000', backOffice), 404, 'not_found')
  isProblem(t, await http.get(`/api/v2/clients/${customer.id}`), 401, 'invalid_token')
  isProblem(t, await http.get(`/api/v2/clients/${customer.id}`, bearer(await signInOf())), 403, 'insufficient_scope')
})

t.test('B11. PUT /api/v2/clients/{clientId}/block', async (t) => {
  const customer = await newCustomer()
  const token = await signIn(rekey, customer)
  const block = (id: number, body: object, headers: object = backOffice) =>
    http.send('PUT', `/api/v2/clients/${id}/block`, { ...json, ...headers }, JSON.stringify(body))
  const reason = { reason: 'a stolen phone' }
  const done = await block(customer.id, reason)
  t.equal(done.status, 204)
  t.equal(done.text, '')
  isProblem(t, await http.get('/api/v2/my/password/changes', bearer(token)), 401, 'invalid_token')
  t.equal((await http.post('/oauth/v2/login', loginBody(customer))).status, 400, 'no sign-in')
  for (const body of [{}, { reason: '' }, { reason: ' ' }, { reason: 'two\nlines' }, { reason: 'x'.repeat(501) }]) {
    isProblem(t, await block(customer.id, body), 400, 'invalid_request')
  }
  isProblem(t, await block(2_000_000_000, reason), 404, 'not_found')
  isProblem(t, await block(customer.id, reason, {}), 401, 'invalid_token')
  isProblem(t, await block(customer.id, reason, bearer(await signInOf())), 403, 'insufficient_scope')

  const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block?reason=found`, backOffice)
  t.equal(lifted.status, 204)
  t.equal((await http.post('/oauth/v2/login', loginBody(customer))).status, 200)
  const records = await http.get(`/api/v2/clients/${customer.id}/records`, backOffice)
  const actor = { actor: 'back_office', actorId: 'backend_fin', createTime: time, digest: /^[0-9a-f]{64}$/ }
  t.match(records.body, {
    total: 2,
    data: [
      { operation: 'lift_block', reason: 'found', ...actor },
      { operation: 'block', ...reason, ...actor },
    ],
  })
  const [record] = records.body.data as { id: number }[]
  t.notHas(record, 'type', 'the published history has password changes only')
  t.same((await http.get(`/api/v2/clients/${customer.id}/records/${record?.id}`, backOffice)).body, record)
  const changes = `/api/v2/clients/${customer.id}/password/changes`
  t.match((await http.get(changes, backOffice)).body, { total: 0, data: [] })
  isProblem(t, await http.get(`${changes}/${record?.id}`, backOffice), 404, 'not_found')
  const own = bearer(await signIn(rekey, customer))
  t.match((await http.get('/api/v2/my/password/changes', own)).body, { total: 0, data: [] })
  isProblem(t, await http.get(`/api/v2/my/password/changes/${record?.id}`, own), 404, 'not_found')
})

t.test('Conventions: 404, 405, 413 and 415 are problem documents', async (t) => {
  isProblem(t, await http.get('/api/v2/nothing'), 404, 'not_found')
  isProblem(t, await http.send('DELETE', '/api/v2/my/2fa/challenge'), 405, 'method_not_allowed')
  isProblem(t, await http.send('POST', '/api/v2/my/2fa/challenge', json, ' '.repeat(17_000)), 413, 'payload_too_large')
  const text = { 'content-type': 'text/plain' }
  isProblem(t, await http.send('POST', '/api/v2/my/2fa/challenge', text, 'x'), 415, 'unsupported_media_type')
})

t.test('B13. GET /api/v2/clients/{clientId}/messages', async (t) => {
  const customer = await newCustomer()
  const path = `/api/v2/clients/${customer.id}/messages`
  const { confirmation } = await askRestore(rekey, customer.email)
  const message = await eventually(
    async () => {
      const { body } = await http.get<{ total: number; data: Record<string, unknown>[] }>(path, backOffice)
      return body.data.find(({ status }) => status === 'handed_over')
    },
    { what: 'the outcome of the code' },
  )
  t.match(message, {
    id: Number,
    kind: 'code',
    purpose: 'restore',
    channel: 'email',
    to: maskAddress(parseUsername(customer.email)),
    askedAt: time,
    handedOverAt: time,
    status: 'handed_over',
    reason: /^250 /,
    attempts: 1,
  })
  const list = await http.get(`${path}?limit=10&offset=0`, backOffice)
  t.match(list.body, { total: 1, data: [{ id: message.id }] })
  t.notMatch(list.text, confirmation, 'S9: no code')
  isProblem(t, await http.get('/api/v2/clients/2000000000/messages', backOffice), 404, 'not_found')
  isProblem(t, await http.get(`${path}?limit=101`, backOffice), 400, 'invalid_request')
  isProblem(t, await http.get(path), 401, 'invalid_token')
  isProblem(t, await http.get(path, bearer(await signInOf())), 403, 'insufficient_scope')
})
