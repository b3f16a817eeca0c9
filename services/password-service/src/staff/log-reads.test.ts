import { http as routes, scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

// Every route by which staff read: the list comes from the contracts, so that a new one is tested too.

const service = await startPasswordService(t, { env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })
const { http, query } = service
const authorization = () => service.bearer('desk_1', scopes.backOffice, { client_id: 'desk_1', owner: 'alice' })
const headers = () => ({ authorization: authorization(), 'content-type': 'application/json' })

const customer = await service.customer({ emails: ['read@example.com'] })
await service.change(customer)
const client = `/api/v2/clients/${customer.id}`
const { approvalId } = (
  await http.send<{ approvalId: string }>('POST', `${client}/reset-password`, headers(), '{"reason":"a call"}')
).body
const [change] = await query<{ id: number }>('SELECT id FROM password_change WHERE customer_id = $1', [customer.id])
const jobId = '0193a5d2-7c1e-7b44-9d5e-0a5b8f6a2c11'
await query(
  `INSERT INTO job (id, total, up_to_customer_id, actor_id, client_id, ip, created_at, state, finished_at)
   VALUES ($1, 1, 1, 'desk_1', 'desk_1', '127.0.0.1', now(), 'done', now())`,
  [jobId],
)

/** A value of each parameter of a path. A new parameter needs one. */
const ids: Record<string, unknown> = {
  clientId: customer.id,
  changeId: change?.id,
  recordId: change?.id,
  approvalId,
  jobId,
}

const reads = Object.entries(routes)
  .filter(([route, schema]) => route.startsWith('GET ') && JSON.stringify(schema).includes(scopes.backOffice))
  .map(([route]) => route.replace('GET ', ''))

/** The path with ids, and a query where the route requires one. */
const pathOf = (route: string) =>
  route.replaceAll(/:(\w+)/g, (_, name: string) => String(ids[name])) +
  (route === '/api/v2/clients' ? '?email=read@example.com' : '')

const reader = { actor: 'back_office', actorId: 'desk_1', clientId: 'desk_1', address: '127.0.0.1' }

t.test('S35: whatever staff read is logged with its reader and customer', async (t) => {
  t.ok(reads.length >= 11, `${reads.length} routes`)
  for (const route of reads) {
    const before = service.logged('back_office_read').length
    const { status } = await http.get(pathOf(route), headers())
    t.equal(status, 200, route)
    const lines = service.logged('back_office_read').slice(before)
    t.equal(lines.length, 1, route)
    const [line] = lines
    t.match(line, { what: route, ...reader }, route)
    if (route.includes(':clientId')) t.equal(line?.customerId, customer.id, route)
    const aboutCustomers = [
      '/api/v2/clients',
      '/api/v2/clients/:clientId',
      '/api/v2/approvals',
      '/api/v2/approvals/:approvalId',
    ]
    if (aboutCustomers.includes(route)) t.same(line?.customers, [customer.code], route)
  }
})

t.test('S35: a read that shows nothing is not logged, and no log has an address', async (t) => {
  const before = service.logged('back_office_read').length
  await http.get('/api/v2/clients/2147483647/messages', headers())
  await http.get(client, { authorization: service.bearer(customer.code) })
  await http.get(client)
  t.equal(service.logged('back_office_read').length, before)
  await http.get('/api/v2/clients?email=nobody@example.com', headers())
  t.match(service.logged('back_office_read').at(-1), { what: '/api/v2/clients', parameters: ['email'], customers: [] })
  t.notMatch(service.logs(), /read@example\.com|nobody@example\.com/)
})
