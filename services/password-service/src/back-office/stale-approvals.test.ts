import { PasswordStatus, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t, { env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const headersOf = (client: string) => ({
  authorization: bearer(client, scopes.backOffice, { client_id: client, owner: `owner of ${client}` }),
})
const ask = async ({ id }: Customer, what: 'hold' | 'block') =>
  (await http.send<Record<string, string>>('DELETE', `/api/v2/clients/${id}/${what}`, headersOf('maker'))).body
    .approvalId ?? ''
const decide = (approvalId: string, decision: 'approve' | 'reject') =>
  http.send('POST', `/api/v2/approvals/${approvalId}/${decision}`, headersOf('checker'))
const block = ({ id }: Customer) =>
  http.send(
    'PUT',
    `/api/v2/clients/${id}/block`,
    { ...headersOf('maker'), 'content-type': 'application/json' },
    '{"reason":"a stolen phone"}',
  )
const restore = async ({ id }: Customer) => {
  const successToken = grant('restore', await service.restoreOf(id))
  const answer = await http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  if (answer.status !== 204) throw new Error(answer.text)
}
const statusOf = ({ id }: Customer) => callRpc(service.broker, PasswordStatus, { customerId: id })
const stale = { status: 409, body: { code: 'already_decided' } }

t.test('S41: an approval of an ended hold does not end a hold that began after the request', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  const approvalId = await ask(customer, 'hold')
  clock.advance(60_000)
  await restore(customer)
  const before = await statusOf(customer)
  t.match(await decide(approvalId, 'approve'), stale)
  t.same(await statusOf(customer), before)
  t.equal((await decide(approvalId, 'reject')).status, 204, 'it is still open, and can be rejected')
  t.equal((await decide(await ask(customer, 'hold'), 'approve')).status, 204, 'a new request ends it')
  t.notHas(await statusOf(customer), 'holdUntil')
})

t.test('S41: an approval of a lifted block does not lift a block that began after the request', async (t) => {
  const customer = await service.customer()
  await block(customer)
  const approvalId = await ask(customer, 'block')
  clock.advance(60_000)
  await block(customer)
  t.match(await decide(approvalId, 'approve'), stale)
  t.match(await statusOf(customer), { status: 'blocked' })
  t.equal((await decide(await ask(customer, 'block'), 'approve')).status, 204)
  t.match(await statusOf(customer), { status: 'active' })
})

t.test('S41: a hold that began after the request does not stop the lift of a block', async (t) => {
  const customer = await service.customer()
  const approvalId = await ask(customer, 'block')
  clock.advance(60_000)
  await restore(customer)
  t.equal((await decide(approvalId, 'approve')).status, 204)
})

t.test('S41: a request that an earlier version stored can be rejected, not approved', async (t) => {
  for (const decision of ['approve', 'reject'] as const) {
    const customer = await service.customer()
    await restore(customer)
    const approvalId = await ask(customer, 'hold')
    await query('UPDATE approval SET maker_owner = NULL WHERE id = $1', [approvalId])
    const answer = await decide(approvalId, decision)
    if (decision === 'reject') t.equal(answer.status, 204)
    else t.match(answer, { status: 403, body: { code: 'owner_unknown' } })
    t.match(await statusOf(customer), { holdUntil: String })
  }
})

t.test('S41: a client that changed its owner after the request still may not approve it', async (t) => {
  const customer = await service.customer()
  await restore(customer)
  const approvalId = await ask(customer, 'hold')
  const authorization = bearer('maker', scopes.backOffice, { client_id: 'maker', owner: 'a new owner' })
  const answer = await http.send('POST', `/api/v2/approvals/${approvalId}/approve`, { authorization })
  t.match(answer, { status: 403, body: { code: 'own_approval' } })
})
