import { PasswordStatus, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { race } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const backOffice = () => bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })
const end = (id: unknown, authorization = backOffice()) =>
  http.send('DELETE', `/api/v2/clients/${id}/hold`, { authorization })
const restore = async ({ id }: Customer, at = http) => {
  const successToken = grant('restore', await service.restoreOf(id))
  const answer = await at.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  if (answer.status !== 204) throw new Error(answer.text)
}
const holdOf = async ({ id }: Customer) =>
  (await query<{ until: Date | null }>('SELECT hold_until AS until FROM customer WHERE id = $1', [id]))[0]?.until
const eventsOf = async ({ code }: Customer, type: string) => {
  await service.outboxEmpty()
  return (await service.events('PASSWORD', code)).filter((event) => event.type === type)
}
const shownTo = async ({ code }: Customer) => {
  const authorization = bearer(code)
  const { body } = await http.get<{ data: Record<string, unknown>[] }>('/api/v2/my/password/changes', { authorization })
  const one = await http.get(`/api/v2/my/password/changes/${body.data[0]?.id}`, { authorization })
  return one.body
}
const dayAfter = (time: unknown) =>
  `${new Date(new Date(String(time)).getTime() + 86_400_000).toISOString().slice(0, 19)}+00:00`

t.test('a restore begins a hold of a day, which B4, the event, the record and password.status return', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  const shown = await shownTo(customer)
  t.equal(shown.holdUntil, dayAfter(shown.createTime))
  const until = (await holdOf(customer))?.toISOString()
  const [event] = await eventsOf(customer, 'password.restored')
  t.equal(event?.data.holdUntil, until)
  t.match(await query('SELECT hold_until FROM password_change WHERE customer_id = $1', [customer.id]), [
    { hold_until: new Date(until ?? 0) },
  ])
  t.match(await callRpc(service.broker, PasswordStatus, { customerId: customer.id }), { holdUntil: shown.holdUntil })

  clock.advance(86_400_000)
  const status = await callRpc(service.broker, PasswordStatus, { customerId: customer.id })
  t.notOk('holdUntil' in status, 'it ends after a day')
  t.equal((await shownTo(customer)).holdUntil, shown.holdUntil, 'the history keeps it')
})

t.test('a change neither begins nor ends a hold', async (t) => {
  const customer = await service.customer()
  t.equal((await service.change(customer)).status, 204)
  t.equal(await holdOf(customer), null)
  t.notOk('holdUntil' in (await shownTo(customer)))
  const [event] = await eventsOf(customer, 'password.changed')
  t.notOk('holdUntil' in (event?.data ?? {}))
  await restore(customer)
  const until = await holdOf(customer)
  t.ok(until)
  t.equal((await service.change(customer)).status, 204)
  t.same(await holdOf(customer), until)
})

t.test('a shorter hold does not cut short an active one', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  const until = await holdOf(customer)
  const other = await service.startAnother({ REKEY_HOLD_HOURS: '1' })
  await restore(customer, createHttp(other.url))
  t.same(await holdOf(customer), until)
  const [, second] = await eventsOf(customer, 'password.restored')
  t.equal(second?.data.holdUntil, until?.toISOString(), 'the event has the longer one')
})

t.test('with REKEY_HOLD_HOURS=0 a restore begins no hold', async (t) => {
  const other = await service.startAnother({ REKEY_HOLD_HOURS: '0' })
  const customer = await service.customer()
  const successToken = grant('restore', await service.restoreOf(customer.id))
  const answer = await fetch(`${other.url}/api/v2/my/password/restore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', successToken },
    body: '{"password":"Qwerty123"}',
  })
  t.equal(answer.status, 204)
  t.equal(await holdOf(customer), null)
  t.notOk('holdUntil' in (await shownTo(customer)))
})

t.test('the back office ends a hold; the event names the actor', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  const until = (await holdOf(customer))?.toISOString()
  const answer = await end(customer.id)
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.equal(await holdOf(customer), null)
  const events = await eventsOf(customer, 'account.hold-ended')
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
        heldUntil: until,
        changeId: events[0]?.data.changeId,
        digest: events[0]?.data.digest,
      },
    ],
  )
  t.match(service.logged('recovery_hold_ended').at(-1), { customer: customer.code, actorId: 'backend_fin' })
  t.ok((await shownTo(customer)).holdUntil, 'the record is unchanged')
})

t.test('without an active hold the answer is the same, and no event is published', async (t) => {
  const [never, over, raced] = [await service.customer(), await service.customer(), await service.customer()]
  t.equal((await end(never.id)).status, 204)
  await restore(over)
  await restore(raced)
  const statuses = await race(10, async () => (await end(raced.id)).status)
  t.ok(statuses.every((status) => status === 204))
  t.equal((await eventsOf(raced, 'account.hold-ended')).length, 1)
  clock.advance(86_400_000)
  t.equal((await end(over.id)).status, 204)
  t.same(await eventsOf(never, 'account.hold-ended'), [])
  t.same(await eventsOf(over, 'account.hold-ended'), [])
})

t.test("ending a hold needs the back office's scope and a known customer", async (t) => {
  const customer = await service.customer()
  await restore(customer)
  t.equal((await end(2_147_483_647)).status, 404)
  t.equal((await end(customer.id, bearer(customer.code))).status, 403)
  t.ok(await holdOf(customer))
})

t.test('S24: if the event cannot be written, the hold stays', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  await query(`ALTER TABLE outbox ADD CONSTRAINT none CHECK (type <> 'account.hold-ended') NOT VALID`)
  t.equal((await end(customer.id)).status, 500)
  await query('ALTER TABLE outbox DROP CONSTRAINT none')
  t.ok(await holdOf(customer))
})
