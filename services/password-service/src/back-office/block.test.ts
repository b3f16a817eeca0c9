import { PasswordStatus, PasswordVerify, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const headers = () => ({
  authorization: bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }),
  'content-type': 'application/json',
})
const block = ({ id }: Pick<Customer, 'id'>, reason = 'a stolen phone') =>
  http.send('PUT', `/api/v2/clients/${id}/block`, headers(), JSON.stringify({ reason }))
const recordsOf = async ({ id }: Customer) =>
  (await http.get<{ data: Record<string, unknown>[] }>(`/api/v2/clients/${id}/records`, headers())).body.data
const notificationsOf = async ({ code }: Customer) => {
  await service.outboxEmpty()
  return (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.protection-changed')
}
const epochOf = async ({ id }: Customer) =>
  (await query<{ epoch: number }>('SELECT session_epoch AS epoch FROM customer WHERE id = $1', [id]))[0]?.epoch

t.test('B11: a block ends sign-in, sessions and restores, and publishes an event', async (t) => {
  const customer = await service.customer({ phones: ['+447700900301'] })
  const [username = ''] = customer.addresses
  t.equal((await service.change(customer)).status, 204)
  const challenge = await service.restoreOf(customer.id)
  const before = (await epochOf(customer)) ?? 0
  const session = { authorization: bearer(customer.code, scopes.full, { session_epoch: before }) }
  t.equal((await http.get('/api/v2/my/password/changes', session)).status, 200)

  t.equal((await block(customer)).status, 204)
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: false })
  t.equal((await http.get('/api/v2/my/password/changes', session)).status, 401)
  const successToken = grant('restore', challenge)
  t.equal((await http.post('/api/v2/my/password/restore', { password: 'Another-1' }, { successToken })).status, 403)

  const [record] = await recordsOf(customer)
  t.match(record, { operation: 'block', actor: 'back_office', actorId: 'backend_fin', reason: 'a stolen phone' })
  t.match(await callRpc(service.broker, PasswordStatus, { customerId: customer.id }), {
    status: 'blocked',
    lastChange: { operation: 'change' },
  })
  await service.outboxEmpty()
  const events = (await service.events('PASSWORD', customer.code)).filter(({ type }) => type === 'account.blocked')
  t.same(
    events.map(({ data }) => data),
    [
      {
        customer: customer.code,
        customerId: customer.id,
        actor: 'back_office',
        actorId: 'backend_fin',
        clientId: 'backend_fin',
        ip: '127.0.0.1',
        changeId: record?.id,
        digest: record?.digest,
        sessionEpoch: await epochOf(customer),
      },
    ],
  )
  t.ok(((await epochOf(customer)) ?? 0) > before)
  const sent = await notificationsOf(customer)
  t.equal(sent.length, 2, 'one for each confirmed address')
  t.ok(sent.every(({ data }) => data.operation === 'block' && !('reportLink' in data)))
  t.match(service.logged('authn_customer_blocked').at(-1), { customer: customer.code, actorId: 'backend_fin' })
  t.notMatch(service.logs(), 'a stolen phone', 'S35: the reason is in no log')
})

t.test('B11: a second block is recorded with its reason, and notifies nobody again', async (t) => {
  const customer = await service.customer()
  t.equal((await block(customer, 'first')).status, 204)
  t.equal((await block(customer, 'second')).status, 204)
  t.match(await recordsOf(customer), [{ reason: 'second' }, { reason: 'first' }])
  t.equal((await notificationsOf(customer)).length, 1)
})

t.test('B11: blocks and changes at once leave a valid order of records, and the customer blocked', async (t) => {
  const customer = await service.customer()
  await race(12, async (index) => (index % 2 === 0 ? block(customer, `number ${index}`) : service.change(customer)))
  t.match(await callRpc(service.broker, PasswordStatus, { customerId: customer.id }), { status: 'blocked' })
  const records = await recordsOf(customer)
  t.equal(records.filter(({ operation }) => operation === 'block').length, 6)
})

t.test('S24: if the event cannot be written, nothing is blocked and nothing recorded', async (t) => {
  const customer = await service.customer()
  await query(`ALTER TABLE outbox ADD CONSTRAINT none CHECK (type <> 'account.blocked') NOT VALID`)
  t.equal((await block(customer)).status, 500)
  await query('ALTER TABLE outbox DROP CONSTRAINT none')
  t.match(await callRpc(service.broker, PasswordStatus, { customerId: customer.id }), { status: 'active' })
  t.same(await recordsOf(customer), [])
  t.equal(await epochOf(customer), 0)
})
