import { scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { codeOf, startWithFactors } from '../factors/factors.fixture.ts'

const service = await startWithFactors(t, { REKEY_HOLD_HOURS: '1', REKEY_FACTOR_RESET_WAIT_HOURS: '30' })
const { clock, enrolTotp, giveRecoveryCodes, http, list, prove, query, step } = service

const staff = {
  authorization: service.bearer('desk', scopes.backOffice, { client_id: 'desk', session_epoch: undefined }),
}
const path = (id: number) => `/api/v2/clients/${id}/factors`
const reset = (id: number) => http.send('DELETE', `${path(id)}?reason=a%20lost%20phone`, staff)
const holdOf = async (id: number) => {
  const [row] = await query<{ until: Date | null; channel: string | null }>(
    'SELECT hold_until AS until, password_channel::text AS channel FROM customer WHERE id = $1',
    [id],
  )
  return row
}
const hourMs = 3_600_000

t.test('C7: staff see which second factors a customer has, and no secret', async (t) => {
  const customer = await service.customer()
  const { id, secret } = await enrolTotp(customer.id)
  await giveRecoveryCodes(customer.id)
  const answer = await http.get(path(customer.id), staff)
  t.match(answer.body, { total: 2, data: [{ id, kind: 'totp', label: 'phone', young: true }, { codesLeft: 10 }] })
  t.notOk(answer.text.includes(secret))
  t.match(await http.get(path(2_000_000_000), staff), { status: 404, body: { detail: 'There is no such customer.' } })
  t.match(service.logged('back_office_read').at(-1), { what: '/api/v2/clients/:clientId/factors' })
})

t.test('S57: a reset removes all factors, begins a hold of the least length, and is recorded and told', async (t) => {
  const customer = await service.customer({ phones: ['+447700900124'] })
  const factor = await enrolTotp(customer.id)
  const [code = ''] = await giveRecoveryCodes(customer.id)
  const before = clock.now().getTime()
  t.equal((await reset(customer.id)).status, 204)
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  t.equal(await prove(customer, 'totp', codeOf(factor, step())), false)
  t.equal(await prove(customer, 'recovery_code', code), false)
  const until = (await holdOf(customer.id))?.until?.getTime() ?? 0
  t.ok(until >= before + 30 * hourMs && until <= clock.now().getTime() + 30 * hourMs)

  const records = await http.get<{ data: object[] }>(`/api/v2/clients/${customer.id}/records`, staff)
  t.match(records.body.data, [
    { operation: 'reset_factors', actorId: 'desk', reason: 'a lost phone', holdUntil: String },
  ])
  const sent = async () =>
    (await service.events('NOTIFY', customer.code)).filter(({ type }) => type === 'notify.factors-changed')
  await eventually(async () => (await sent()).length === 2, { what: 'a notification for each address' })
  for (const { data } of await sent()) {
    t.match(data, { operation: 'reset', reportLink: String })
    t.notOk('ip' in data, "the staff's address is not disclosed")
  }
  t.match(service.logged('authn_factors_reset').at(-1), { customer: customer.code, actorId: 'desk' })
})

t.test('C7: a reset cuts no hold short, and the channel of the hold that it lengthens stays', async (t) => {
  for (const [heldMs, channel] of [
    [100 * hourMs, 'email'],
    [hourMs, 'email'],
    [-hourMs, null],
  ] as const) {
    const customer = await service.customer()
    await enrolTotp(customer.id)
    const held = new Date(clock.now().getTime() + heldMs)
    await query("UPDATE customer SET hold_until = $2, password_channel = 'email' WHERE id = $1", [customer.id, held])
    t.equal((await reset(customer.id)).status, 204)
    const after = await holdOf(customer.id)
    t.ok((after?.until?.getTime() ?? 0) >= Math.max(held.getTime(), clock.now().getTime() + 29 * hourMs))
    t.equal(after?.channel, channel)
  }
})

t.test('C7: without factors a reset changes nothing; an unknown customer is not found', async (t) => {
  const customer = await service.customer()
  t.equal((await reset(customer.id)).status, 204)
  t.match(await holdOf(customer.id), { until: null })
  t.match(await reset(2_000_000_000), { status: 404 })
})

t.test('S41: an approval resets no factor that was added after the request', async (t) => {
  const four = await startWithFactors(t, { REKEY_BACK_OFFICE_FOUR_EYES: 'true' })
  const as = (who: string) => ({
    authorization: four.bearer(who, scopes.backOffice, { client_id: who, owner: who, session_epoch: undefined }),
  })
  const customer = await four.customer()
  await four.enrolTotp(customer.id)
  const { body } = await four.http.send<{ approvalId: string }>('DELETE', path(customer.id), as('maker'))
  four.clock.advance(1_000)
  await four.enrolTotp(customer.id)
  const approve = () => four.http.send('POST', `/api/v2/approvals/${body.approvalId}/approve`, as('checker'))
  t.match(await approve(), { status: 409, body: { code: 'already_decided', detail: /was added after this request/ } })
  t.match(await four.list(customer.code), { methods: ['totp'] })
})
