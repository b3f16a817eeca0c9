import { PasswordVerify, scopes } from '@rekey/contracts'
import { ask } from '@rekey/platform/questions'
import { startPasswordService } from '@rekey/testing/password-service'
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
const verify = (username: string, password: string) => ask(service.broker, PasswordVerify, { username, password })

for (const method of ['PUT', 'PATCH']) {
  t.test(`${method}: the back office sets a password, and the history says that it did`, async (t) => {
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
    const notices = await service.events('NOTIFY', customer.code)
    t.same(
      notices.map(({ type }) => type),
      ['notify.password-changed', 'notify.password-changed'],
    )
    t.match(await verify(customer.addresses[0] ?? '', 'Qwerty123'), { verified: true, mustChange: false })
    t.match(service.logged('authn_password_set').at(-1), { customer: customer.code, actor: 'back_office' })
  })
}

t.test('with send_mail the password is temporary: mailed sealed, to be changed, and good for a day', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  t.equal((await set(customer.id, { password: 'Temporary-1', send_mail: true })).status, 204)
  t.match(await verify(username, 'Temporary-1'), { verified: true, mustChange: true })

  await service.outboxEmpty()
  const notices = await service.events('NOTIFY', customer.code)
  t.same(
    notices.map(({ type }) => type),
    ['notify.password-changed', 'notify.temporary-password'],
  )
  const mail = notices[1]
  t.equal(await service.openAddress(mail?.id ?? '', mail?.data.password ?? ''), 'Temporary-1')
  t.match(await service.openAddress(mail?.id ?? '', mail?.data.recipient ?? ''), { channel: 'email', to: username })
  t.notOk(JSON.stringify(await query('SELECT data FROM outbox')).includes('Temporary-1'))
  t.notOk(service.logs().includes('Temporary-1'))

  clock.advance(24 * 3_600_000 + 1)
  t.match(await verify(username, 'Temporary-1'), { verified: false })
})

t.test("the customer's own new password ends a temporary one", async (t) => {
  const customer = await service.customer()
  await set(customer.id, { password: 'Temporary-1', send_mail: true })
  const headers = { authorization: bearer(customer.code), successToken: service.grant('change', customer.code) }
  const kept = await http.post('/api/v2/my/password/change', { password: 'Temporary-1' }, headers)
  t.match(kept, { status: 422, body: { code: 'password_refused', errors: [{ field: 'password', code: 'temporary' }] } })
  t.equal((await http.post('/api/v2/my/password/change', { password: 'My own 1' }, headers)).status, 204)
  clock.advance(24 * 3_600_000 + 1)
  t.match(await verify(customer.addresses[0] ?? '', 'My own 1'), { verified: true, mustChange: false })
})

t.test('nobody to mail it to, an unknown customer, a weak password, a bearer of another scope: refused', async (t) => {
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
