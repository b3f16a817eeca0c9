import { PasswordStatus } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { query, clock } = service
const statusOf = (reference: { customer?: string; customerId?: number; username?: string }) =>
  callRpc(service.broker, PasswordStatus, reference)
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/

t.test('password.status gives the same reply for a code, an id and a confirmed address', async (t) => {
  const customer = await service.customer({ phones: ['+447700900401'], unconfirmed: ['new.status@example.com'] })
  t.equal((await service.change(customer)).status, 204)
  const [change] = await query<{ id: number }>('SELECT id FROM password_change WHERE customer_id = $1', [customer.id])
  const status = await statusOf({ customerId: customer.id })
  const { lastChange, ...rest } = status as { lastChange?: object }
  t.same(rest, {
    found: true,
    customerId: customer.id,
    customer: customer.code,
    status: 'active',
    hasPassword: true,
    mustChange: false,
  })
  t.match(lastChange, { id: change?.id, type: 'restored', operation: 'change', createTime: time })
  const [email = '', phone = ''] = customer.addresses
  for (const reference of [{ customer: customer.code }, { username: email.toUpperCase() }, { username: phone }]) {
    t.same(await statusOf(reference), status)
  }
  t.same(await statusOf({ username: 'new.status@example.com' }), { found: false }, 'not for an unconfirmed one')
})

t.test('password.status of an unknown customer, a blocked one without a password, a temporary password', async (t) => {
  t.same(await statusOf({ customerId: 2_147_483_647 }), { found: false })
  t.same(await statusOf({ customer: 'nobody' }), { found: false })
  t.same(await statusOf({ username: 'nobody@example.com' }), { found: false })

  const none = await service.customer({ status: 'blocked' })
  t.same(await statusOf({ customer: none.code }), {
    found: true,
    customerId: none.id,
    customer: none.code,
    status: 'blocked',
    hasPassword: false,
    mustChange: false,
  })
  const temporaryUntil = new Date(clock.now().getTime() + 60_000)
  const temporary = await service.customer({ hash: 'x', temporaryUntil })
  t.match(await statusOf({ customer: temporary.code }), {
    mustChange: true,
    temporaryUntil: `${temporaryUntil.toISOString().slice(0, 19)}+00:00`,
  })
  clock.advance(60_001)
  t.notOk('temporaryUntil' in (await statusOf({ customer: temporary.code })), 'an expired one is omitted')
})

t.test('a request without exactly one reference is refused with 400', async (t) => {
  const connection = service.broker.connection()
  const wrong = [{}, { customer: 'a', customerId: 1 }, { customerId: '1' }, { customerId: 0 }, { username: 'x' }, []]
  for (const reference of [...wrong, null]) {
    const answer = await connection.request(PasswordStatus.subject, JSON.stringify(reference), { timeout: 60_000 })
    t.equal(answer.headers?.get('Nats-Service-Error-Code'), '400', JSON.stringify(reference))
  }
})
