import { http as routes, scopes } from '@rekey/contracts'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { asBearer, backOfficeToken, signIn } from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// Every route by which staff read, whichever service answers it: the list comes from the contracts, so that a new one is
// tested too.

const rekey = await startRekey(t)
const { http, postgres } = rekey
const staff = asBearer(await backOfficeToken(rekey))
const customer = await createCustomer(postgres.url)
const client = `/api/v2/clients/${customer.id}`
await http.send(
  'PUT',
  `${client}/password`,
  { ...staff, 'content-type': 'application/json' },
  '{"password":"Set by staff","send_mail":false}',
)

const [change] = await sql<{ id: number }>(postgres.url, 'SELECT id FROM password_change WHERE customer_id = $1', [
  customer.id,
])
const id = '0193a5d2-7c1e-7b44-9d5e-0a5b8f6a2c11'
await sql(
  postgres.url,
  `INSERT INTO job (id, total, up_to_customer_id, actor_id, client_id, ip, created_at, state, finished_at)
   VALUES ($1, 1, 1, 'desk', 'desk', '127.0.0.1', now(), 'done', now())`,
  [id],
)
await sql(
  postgres.url,
  `INSERT INTO approval (id, action, customer_id, maker, maker_client_id, maker_ip, created_at, expires_at)
   VALUES ($1, 'end_hold', $2, 'desk', 'desk', '127.0.0.1', now(), now() + interval '1 day')`,
  [id, customer.id],
)

/** A value of each parameter of a path. A new parameter needs one. */
const ids: Record<string, unknown> = {
  clientId: customer.id,
  changeId: change?.id,
  recordId: change?.id,
  approvalId: id,
  jobId: id,
}

const reads = Object.entries(routes)
  .filter(([route, schema]) => route.startsWith('GET ') && JSON.stringify(schema).includes(scopes.backOffice))
  .map(([route]) => route.replace('GET ', ''))

/** The path with ids, and a query where the route requires one. */
const pathOf = (route: string) =>
  route.replaceAll(/:(\w+)/g, (_, name: string) => String(ids[name])) +
  (route === '/api/v2/clients' ? `?email=${encodeURIComponent(customer.email)}` : '')

const logged = () => rekey.logs.map((line) => JSON.parse(line)).filter(({ event }) => event === 'back_office_read')
const reader = { actor: 'back_office', actorId: 'backend_fin', clientId: 'backend_fin', address: '127.0.0.1' }
/** Answers that name their customers. */
const naming = ['/api/v2/clients', '/api/v2/clients/:clientId', '/api/v2/approvals', '/api/v2/approvals/:approvalId']

t.test('S35: whatever staff read is logged once, with its reader and customer', async (t) => {
  t.ok(reads.length >= 11, `${reads.length} routes`)
  for (const route of reads) {
    const before = logged().length
    t.equal((await patiently(() => http.get(pathOf(route), staff))).status, 200, route)
    const lines = logged().slice(before)
    t.equal(lines.length, 1, route)
    t.match(lines[0], { what: route, ...reader }, route)
    if (route.includes(':clientId')) t.equal(lines[0].customerId, customer.id, route)
    if (naming.includes(route)) t.same(lines[0].customers, [customer.code], route)
  }
})

t.test('S35: a name in the query that the route does not have is not logged', async (t) => {
  for (const route of reads) {
    const path = pathOf(route)
    const unknown = `${path.includes('?') ? '&' : '?'}=x&%00=1&__proto__=1&anna%40example.com=1&limits=5`
    const namesOf = async (path: string) => {
      t.equal((await patiently(() => http.get(path, staff))).status, 200, path)
      return logged().at(-1).parameters
    }
    t.same(await namesOf(path + unknown), await namesOf(path), route)
  }
})

t.test('S35: a read that shows nothing is not logged, and no log has an address', async (t) => {
  const before = logged().length
  const own = asBearer(await signIn(rekey, await createCustomer(postgres.url)))
  t.equal((await http.get('/api/v2/clients/2147483647/messages', staff)).status, 404)
  t.equal((await http.get(client, own)).status, 403)
  t.equal((await http.get(client)).status, 401)
  t.equal(logged().length, before)
  await http.get('/api/v2/clients?email=nobody@example.com', staff)
  t.match(logged().at(-1), { what: '/api/v2/clients', parameters: ['email'], customers: [] })
  t.notOk(rekey.logs.some((line) => line.includes(customer.email) || line.includes('nobody@example.com')))
})
