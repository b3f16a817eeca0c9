import { PasswordStatus, PasswordVerify, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, query, clock } = service
const backOffice = () => bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })

const set = (id: unknown, body: object, { method = 'PUT', as = backOffice() } = {}) =>
  http.send(
    method,
    `/api/v2/clients/${id}/password`,
    { 'content-type': 'application/json', authorization: as },
    JSON.stringify(body),
  )
const verify = (username: string, password: string) => callRpc(service.broker, PasswordVerify, { username, password })

for (const method of ['PUT', 'PATCH']) {
  t.test(`${method}: the back office sets a password, and the history names it as the actor`, async (t) => {
    const customer = await service.customer({ phones: [`+44770090${method.length}`] })
    const answer = await set(customer.id, { password: 'Qwerty123', send_mail: false }, { method })
    t.equal(answer.status, 204)
    t.equal(answer.text, '')
    const rows = await query('SELECT * FROM password_change WHERE customer_id = $1', [customer.id])
    t.match(rows, [
      { type: 'changed', operation: 'set', actor: 'back_office', actor_id: 'backend_fin', client_id: 'backend_fin' },
    ])
    await service.outboxEmpty()
    t.match(await service.events('PASSWORD', customer.code), [{ type: 'password.set' }])
    const notifications = await service.events('NOTIFY', customer.code)
    t.same(
      notifications.map(({ type }) => type),
      ['notify.password-changed', 'notify.password-changed'],
    )
    t.match(service.logged('authn_password_set').at(-1), { customer: customer.code, actor: 'back_office' })
  })
}

for (const sendMail of [true, false]) {
  t.test(`S41: with send_mail ${sendMail} the password is temporary and begins a hold`, async (t) => {
    const customer = await service.customer()
    const [username = ''] = customer.addresses
    t.equal((await set(customer.id, { password: 'Temporary-1', send_mail: sendMail })).status, 204)
    t.match(await verify(username, 'Temporary-1'), { verified: true, mustChange: true })
    const { createTime = '', holdUntil = '' } = (await changesOf(customer.id)).body.data[0] ?? {}
    t.equal(Date.parse(holdUntil) - Date.parse(createTime), 24 * 3_600_000)
    t.match(await callRpc(service.broker, PasswordStatus, { customerId: customer.id }), { holdUntil })
    await service.outboxEmpty()
    const [event] = await service.events('PASSWORD', customer.code)
    t.equal(Math.floor(Date.parse(event?.data.holdUntil ?? '') / 1_000), Date.parse(holdUntil) / 1_000)
    clock.advance(24 * 3_600_000 + 1)
    t.match(await verify(username, 'Temporary-1'), { verified: false }, 'it has expired')
  })
}

t.test('with send_mail the password is mailed, sealed', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  t.equal((await set(customer.id, { password: 'Temporary-1', send_mail: true })).status, 204)
  await service.outboxEmpty()
  const notifications = await service.events('NOTIFY', customer.code)
  t.same(
    notifications.map(({ type }) => type),
    ['notify.password-changed', 'notify.temporary-password'],
  )
  const mail = notifications[1]
  t.equal(await service.openAddress(mail?.id ?? '', mail?.data.password ?? ''), 'Temporary-1')
  t.match(await service.openAddress(mail?.id ?? '', mail?.data.recipient ?? ''), { channel: 'email', to: username })
  t.notOk(JSON.stringify(await query('SELECT data FROM outbox')).includes('Temporary-1'))
  t.notOk(service.logs().includes('Temporary-1'))
})

t.test("a customer's own new password replaces a temporary one", async (t) => {
  const customer = await service.customer()
  await set(customer.id, { password: 'Temporary-1', send_mail: true })
  const headers = { authorization: bearer(customer.code), successToken: service.grant('change', customer.code) }
  const kept = await http.post('/api/v2/my/password/change', { password: 'Temporary-1' }, headers)
  t.match(kept, { status: 422, body: { code: 'password_refused', errors: [{ field: 'password', code: 'temporary' }] } })
  t.equal((await http.post('/api/v2/my/password/change', { password: 'My own 1' }, headers)).status, 204)
  clock.advance(24 * 3_600_000 + 1)
  t.match(await verify(customer.addresses[0] ?? '', 'My own 1'), { verified: true, mustChange: false })
})

t.test('B7 refuses an unknown customer, one without e-mail, a weak password and another scope', async (t) => {
  const silent = await service.customer({ emails: [], phones: ['+447700900999'], unconfirmed: ['silent@example.com'] })
  const body = { password: 'Qwerty123', send_mail: true }
  const noMail = await set(silent.id, body)
  t.equal(noMail.status, 400)
  t.match(noMail.body, { code: 'invalid_request', errors: [{ field: 'send_mail' }] })
  t.equal((await set(2_147_483_647, body)).status, 404)
  t.equal((await set(silent.id, { ...body, password: 'short' })).body.code, 'password_refused')
  const wrongScope = await set(silent.id, body, { as: bearer(silent.code) })
  t.equal(wrongScope.status, 403)
  t.equal((await set(silent.id, body, { as: '' })).status, 401)
  t.equal((await query('SELECT 1 FROM password_change WHERE customer_id = $1', [silent.id])).length, 0)
})

const holdOf = ({ id }: { id: number }) => query('SELECT hold_until FROM customer WHERE id = $1', [id])
const authorized = (as = backOffice()) => ({ authorization: as })
const changesOf = (id: unknown, rest = '') =>
  http.get<{
    total: number
    data: { id: number; type: string; operation: string; createTime: string; holdUntil?: string }[]
    code: string
  }>(`/api/v2/clients/${id}/password/changes${rest}`, authorized())
const reset = (id: unknown, as?: string) => http.send('POST', `/api/v2/clients/${id}/reset-password`, authorized(as))

t.test("B8: the back office reads a customer's changes as the customer does, and who made them", async (t) => {
  const customer = await service.customer()
  const other = await service.customer()
  for (let round = 0; round < 3; round += 1) t.equal((await service.change(customer)).status, 204)
  await set(customer.id, { password: 'Qwerty123', send_mail: false })
  await service.change(other)

  const { status, body } = await changesOf(customer.id)
  t.equal(status, 200)
  t.equal(body.total, 4)
  t.same(
    body.data.map(({ type, operation }) => `${type} ${operation}`),
    ['changed set', 'restored change', 'restored change', 'restored change'],
  )
  const own = await http.get('/api/v2/my/password/changes', { authorization: bearer(customer.code) })
  const staff = 'backend_fin'
  const actors = [staff, customer.code, customer.code, customer.code]
  t.same(
    body.data,
    (own.body.data as object[]).map((change, index) => ({ ...change, actorId: actors[index] })),
  )
  t.same((await changesOf(customer.id, '?limit=2&offset=1&sort_order=asc')).body, {
    total: 4,
    data: body.data.toReversed().slice(1, 3),
  })
  const [newest] = body.data
  t.same((await changesOf(customer.id, `/${newest?.id}`)).body, newest)
})

t.test("B8: an unknown customer, an unknown change and another customer's change are each a 404", async (t) => {
  const customer = await service.customer()
  const other = await service.customer()
  await service.change(other)
  const [theirs] = (await changesOf(other.id)).body.data
  t.match(await changesOf(customer.id), { status: 200, body: { total: 0, data: [] } })
  for (const answer of [
    await changesOf(2_147_483_647),
    await changesOf(2_147_483_647, `/${theirs?.id}`),
    await changesOf(customer.id, `/${theirs?.id}`),
    await changesOf(customer.id, '/2147483647'),
  ]) {
    t.match(answer, { status: 404, body: { code: 'not_found' } })
  }
  for (const rest of ['', `/${theirs?.id}`]) {
    const path = `/api/v2/clients/${other.id}/password/changes${rest}`
    t.equal((await http.get(path, authorized(bearer(other.code)))).status, 403)
  }
})

t.test("S21 S24: B9 ends a customer's sessions and restores and requires a new password", async (t) => {
  const customer = await service.customer({ phones: ['+447700900077'] })
  const [username = ''] = customer.addresses
  await set(customer.id, { password: 'Qwerty123', send_mail: false })
  const epoch = async () => {
    const [row] = await service.query<{ epoch: number }>('SELECT session_epoch AS epoch FROM customer WHERE id = $1', [
      customer.id,
    ])
    return row?.epoch ?? Number.NaN
  }
  const hold = await holdOf(customer)
  const before = await epoch()
  const session = { sid: 'one of before', session_epoch: before }
  const signedIn = authorized(bearer(customer.code, scopes.full, session))
  t.equal((await http.get('/api/v2/my/password/changes', signedIn)).status, 200)
  const challenge = await service.restoreOf(customer.id)

  const answer = await reset(customer.id)
  t.equal(answer.status, 202)
  t.same(answer.body, {})

  t.equal((await http.get('/api/v2/my/password/changes', signedIn)).status, 401, 'the session has ended')
  t.match(await verify(username, 'Qwerty123'), { verified: true, mustChange: true })
  const after = await epoch()
  t.ok(after > before)
  const restored = await http.post(
    '/api/v2/my/password/restore',
    { password: 'My own one' },
    { successToken: service.grant('restore', challenge) },
  )
  t.equal(restored.status, 403, 'the earlier restore has ended')
  t.same(await holdOf(customer), hold, 'B9 begins no hold')

  t.match((await changesOf(customer.id)).body.data[0], { type: 'changed', operation: 'reset', actor: 'back_office' })
  await service.outboxEmpty()
  const event = (await service.events('PASSWORD', customer.code)).at(-1)
  t.match(event, { type: 'password.reset-requested', data: { actorId: 'backend_fin', sessionEpoch: after } })
  t.notHas(event?.data, 'jobId')
  t.notHas(event?.data, 'approvedBy')
  const notifications = (await service.events('NOTIFY', customer.code)).filter(
    ({ type }) => type === 'notify.reset-requested',
  )
  t.equal(notifications.length, 2, 'one for each confirmed address')
  t.match(service.logged('authn_password_reset_required').at(-1), {
    customer: customer.code,
    actor: 'back_office',
    actorId: 'backend_fin',
    address: '127.0.0.1',
  })
})

t.test('B9 resets a customer without a password, and refuses an unknown customer and another scope', async (t) => {
  const customer = await service.customer()
  t.equal((await reset(customer.id)).status, 202)
  t.equal((await changesOf(customer.id)).body.total, 1)
  t.match(await reset(2_147_483_647), { status: 404, body: { code: 'not_found' } })
  t.equal((await reset(customer.id, bearer(customer.code))).status, 403)
  t.equal((await changesOf(customer.id)).body.total, 1)
})

t.test('B9 and changes at once: each success is in the history once, and the chain is valid', async (t) => {
  const customer = await service.customer()
  await set(customer.id, { password: 'Another-1', send_mail: false })
  const statuses = await race(20, async (index) =>
    index % 2 === 0 ? (await reset(customer.id)).status : (await service.change(customer)).status,
  )
  const done = statuses.filter((status) => status < 300).length
  t.ok(done >= 10, `${statuses}`)
  t.equal((await changesOf(customer.id)).body.total, done + 1)
  const [row] = await query<{ broken: number; epochs: number }>(
    `SELECT count(*) FILTER (WHERE previous_digest <> coalesce(before, repeat('0', 64)))::int AS broken,
            (SELECT count(DISTINCT data ->> 'sessionEpoch')::int FROM outbox o JOIN customer c ON c.code = o.subject
             WHERE c.id = $1 AND (data ->> 'sessionEpoch')::int <= c.session_epoch) AS epochs
     FROM (
       SELECT previous_digest, lag(digest) OVER (ORDER BY create_time, id) AS before
       FROM password_change WHERE customer_id = $1
     ) AS chain`,
    [customer.id],
  )
  t.same(row, { broken: 0, epochs: done + 1 })
})
