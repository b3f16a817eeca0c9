import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { type ChangeRecord, digestOf, firstPreviousDigest } from './digest.ts'

const service = await startPasswordService(t)
const { http, bearer, query, clock } = service
const changesUrl = '/api/v2/my/password/changes'

interface Change extends Record<string, unknown> {
  id: number
  digest: string
}
interface ChangeList extends Record<string, unknown> {
  total: number
  data: Change[]
}

type Customer = Awaited<ReturnType<typeof service.customer>>

const change = async (customer: Customer) => {
  const answer = await service.change(customer)
  if (answer.status !== 204) throw new Error(answer.text)
}
const customerWithChanges = async (count: number) => {
  const customer = await service.customer()
  for (let made = 0; made < count; made += 1) {
    await change(customer)
    clock.advance(1_000)
  }
  return customer
}
const list = ({ code }: Customer, search = '') =>
  http.get<ChangeList>(`${changesUrl}${search}`, { authorization: bearer(code) })

t.test(
  'a record has exactly the fields of the contract, and its time is in whole seconds with an offset',
  async (t) => {
    const customer = await customerWithChanges(1)
    const { status, body } = await list(customer, '?limit=10&offset=0&sort_order=desc&sort_by=createTime')
    t.equal(status, 200)
    t.same(Object.keys(body), ['total', 'data'])
    t.equal(body.total, 1)
    const [record] = body.data
    t.same(Object.keys(record ?? {}), ['id', 'type', 'createTime', 'operation', 'actor', 'channel', 'ip', 'digest'])
    t.type(record?.id, 'number')
    t.match(record, {
      type: 'restored',
      createTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
      operation: 'change',
      actor: 'client',
      channel: 'api',
      ip: '127.0.0.1',
      digest: /^[0-9a-f]{64}$/,
    })
    const one = await http.get(`${changesUrl}/${record?.id}`, { authorization: bearer(customer.code) })
    t.same(one.body, record)
  },
)

t.test('the history is paged, by default newest first, and the total counts all records', async (t) => {
  const customer = await customerWithChanges(3)
  const ids = (await list(customer)).body.data.map(({ id }) => id)
  t.same(
    ids,
    ids.toSorted((a, b) => b - a),
  )
  const idsAt = async (search: string) => (await list(customer, search)).body.data.map(({ id }) => id)
  t.same(await idsAt('?sort_order=asc'), ids.toReversed())
  t.same(await idsAt('?limit=1&offset=1'), ids.slice(1, 2))
  const beyond = await list(customer, '?offset=10')
  t.same(beyond.body, { total: 3, data: [] })
  const empty = await list(await service.customer())
  t.same(empty.body, { total: 0, data: [] })
})

t.test("another customer's record and an unknown one have the same 404", async (t) => {
  const [mine, theirs] = [await customerWithChanges(1), await customerWithChanges(1)]
  const [record] = (await list(theirs)).body.data
  const get = (id: unknown) => http.get(`${changesUrl}/${id}`, { authorization: bearer(mine.code) })
  const [another, none] = await Promise.all([get(record?.id), get(2_147_483_647)])
  t.equal(another.status, 404)
  t.equal(none.status, 404)
  t.equal(another.text, none.text)
})

t.test('each digest is computed from the stored record and the previous digest', async (t) => {
  const customer = await customerWithChanges(2)
  await Promise.all([change(customer), change(customer), change(customer)])
  const rows = await query<ChangeRecord & { previousDigest: string; digest: string }>(
    `SELECT id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId", client_id AS "clientId",
            channel, ip, create_time AS "createTime", previous_digest AS "previousDigest", digest
     FROM password_change WHERE customer_id = $1 ORDER BY create_time, id`,
    [customer.id],
  )
  t.equal(rows.length, 5)
  let previous = firstPreviousDigest
  for (const { previousDigest, digest, ...record } of rows) {
    t.equal(previousDigest, previous)
    t.equal(digestOf(previous, record), digest)
    t.not(digestOf(previous, { ...record, ip: '203.0.113.1' }), digest, 'a changed record has another digest')
    previous = digest
  }
})

t.test('a record is never earlier than the previous one, also with a late clock', async (t) => {
  const customer = await customerWithChanges(1)
  clock.advance(-3_600_000)
  await change(customer)
  clock.advance(3_600_000)
  const times = (await list(customer, '?sort_order=asc')).body.data.map(({ createTime }) => createTime)
  t.equal(times[1], times[0])
})

t.test('the digest includes the recovery hold, and is unchanged for records without one', async (t) => {
  const customer = await service.customer()
  const successToken = service.grant('restore', await service.restoreOf(customer.id))
  const restored = await http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  t.equal(restored.status, 204)
  const [row] = await query<ChangeRecord & { digest: string }>(
    `SELECT id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId", client_id AS "clientId",
            channel, ip, create_time AS "createTime", hold_until AS "holdUntil", digest
     FROM password_change WHERE customer_id = $1`,
    [customer.id],
  )
  if (!row?.holdUntil) throw new Error('no hold')
  const { digest, holdUntil, ...record } = row
  t.equal(digestOf(firstPreviousDigest, { ...record, holdUntil }), digest)
  const later = new Date(holdUntil.getTime() + 1)
  for (const other of [record, { ...record, holdUntil: null }, { ...record, holdUntil: later }]) {
    t.not(digestOf(firstPreviousDigest, other), digest)
  }
  t.equal(digestOf(firstPreviousDigest, record), digestOf(firstPreviousDigest, { ...record, holdUntil: null }))
})

t.test('the database refuses to update, delete or truncate the history', async (t) => {
  const customer = await customerWithChanges(1)
  await t.rejects(query(`UPDATE password_change SET ip = '::1' WHERE customer_id = ${customer.id}`), /append-only/)
  await t.rejects(query(`DELETE FROM password_change WHERE customer_id = ${customer.id}`), /append-only/)
  await t.rejects(query('TRUNCATE password_change'), /append-only/)
})
