import { scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import t from 'tap'
import { listByCode } from './records.store.ts'

const service = await startPasswordService(t, { privatePostgres: true })
const { http, bearer, query } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

interface List extends Record<string, unknown> {
  total: number
  data: { id: number }[]
}

const staff = { authorization: bearer('backend_fin', scopes.backOffice) }
const lists = { 'password/changes': true, records: false }
const read = (path: keyof typeof lists, { id }: Customer, search = '') =>
  http.get<List>(`/api/v2/clients/${id}/${path}${search}`, staff)

/** Appends records as the service does: with the customer locked, and none earlier than the last. Each third is a block. */
const insert = (customerId: number, count: number) => `
  BEGIN;
  SELECT FROM customer WHERE id = ${customerId} FOR UPDATE;
  INSERT INTO password_change (customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time,
    previous_digest, digest)
  SELECT ${customerId}, 'changed', (CASE n % 3 WHEN 0 THEN 'block' ELSE 'set' END)::change_operation, 'back_office', 'a',
    'a', 'api', '::1', n / 2 * interval '1 minute' +
      coalesce((SELECT max(create_time) FROM password_change WHERE customer_id = ${customerId}), '2026-01-01T00:00:00Z'),
    '', ''
  FROM generate_series(1, ${count}) AS n ORDER BY n;
  COMMIT`

const append = ({ id }: Customer, count: number) => query(insert(id, count))

/** As the version before the numbers did, before the migration. */
const appendUnnumbered = async ({ id }: Customer, count: number) => {
  await query('ALTER TABLE password_change DISABLE TRIGGER password_change_is_numbered')
  await query(insert(id, count))
  await query('ALTER TABLE password_change ENABLE TRIGGER password_change_is_numbered')
}

const idsOf = async ({ id }: Customer, changesOnly: boolean): Promise<number[]> => {
  const rows = await query<{ id: number }>(
    `SELECT id FROM password_change WHERE customer_id = $1 ${changesOnly ? "AND operation <> 'block'" : ''}
     ORDER BY create_time, id`,
    [id],
  )
  return rows.map((row) => row.id)
}

const [numbered, earlier, continued, empty] = await Promise.all([1, 2, 3, 4].map(() => service.customer()))
if (!numbered || !earlier || !continued || !empty) throw new Error('no customers')
await append(numbered, 23)
await appendUnnumbered(earlier, 23)
await appendUnnumbered(continued, 20)
await append(continued, 1)
await append(continued, 2)

const histories = Object.entries({ numbered, 'from before the numbers': earlier, continued, empty })

t.test('every page of every history has the records of its place in the order, and the total', async (t) => {
  const page = fc.record({
    limit: fc.integer({ min: 1, max: 30 }),
    offset: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(2_147_483_647)),
    sort_order: fc.constantFrom('asc', 'desc'),
  })
  for (const [name, customer] of histories) {
    for (const [path, changesOnly] of Object.entries(lists) as [keyof typeof lists, boolean][]) {
      const ids = await idsOf(customer, changesOnly)
      await fc.assert(
        fc.asyncProperty(page, async ({ limit, offset, sort_order }) => {
          const { body } = await read(path, customer, `?limit=${limit}&offset=${offset}&sort_order=${sort_order}`)
          const ordered = sort_order === 'asc' ? ids : ids.toReversed()
          t.equal(body.total, ids.length, name)
          t.same(
            body.data.map(({ id }) => id),
            ordered.slice(offset, offset + limit),
            `${name}, ${path}: ${limit} from ${offset}, ${sort_order}`,
          )
        }),
        { numRuns: 25 },
      )
    }
  }
})

t.test('pages that are read at the same time are each of their own customer, list and place', async (t) => {
  const calls = histories.flatMap(([, customer]) =>
    (Object.entries(lists) as [keyof typeof lists, boolean][]).flatMap(([path, changesOnly]) =>
      [0, 3, 1_000].flatMap((offset) =>
        ['asc', 'desc'].map((order) => ({ customer, path, changesOnly, offset, order })),
      ),
    ),
  )
  const answers = await Promise.all([
    ...calls.map(({ customer, path, offset, order }) =>
      read(path, customer, `?limit=4&offset=${offset}&sort_order=${order}`),
    ),
    read('records', { ...empty, id: 2_000_000_000 }),
  ])
  t.equal(answers.pop()?.status, 404)
  for (const [index, { customer, changesOnly, offset, order }] of calls.entries()) {
    const ids = await idsOf(customer, changesOnly)
    const ordered = order === 'asc' ? ids : ids.toReversed()
    const { total, data } = answers[index]?.body ?? {}
    t.equal(total, ids.length)
    t.same(
      data?.map(({ id }: { id: number }) => id),
      ordered.slice(offset, offset + 4),
    )
  }
})

t.test('records that are appended while a history is numbered have one number each, without gaps', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const customer = await service.customer()
    await appendUnnumbered(customer, 50)
    await Promise.all([read('records', customer), append(customer, 2), read('records', customer), append(customer, 1)])
    const rows = await query<{ position: number; id: number }>(
      `SELECT position, change_id::int AS id FROM history_entry WHERE customer_id = $1 AND NOT changes_only ORDER BY position`,
      [customer.id],
    )
    t.same(
      rows.map(({ position }) => position),
      Array.from({ length: 53 }, (_, index) => index + 1),
    )
    t.same(
      rows.map(({ id }) => id).toSorted((a, b) => a - b),
      (await idsOf(customer, false)).toSorted((a, b) => a - b),
    )
  }
})

t.test('any page and the total of a long history read as few blocks as those of a short one', async (t) => {
  const [short, long] = [await service.customer(), await service.customer()]
  await append(short, 30)
  await append(long, 30_000)
  await query('ANALYZE password_change, history_entry')
  const blocks = async ({ code }: Customer, offset: number, isDescending: boolean) => {
    const [row] = await query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${listByCode.text}`,
      [
        JSON.stringify([
          { place: 0, key: code, changes_only: true, is_descending: isDescending, size: 10, skipped: offset },
        ]),
      ],
    )
    const plan = row?.['QUERY PLAN'][0].Plan ?? {}
    return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
  }
  const least = await blocks(short, 0, true)
  for (const isDescending of [true, false]) {
    for (const offset of [0, 10_000, 19_990, 30_000]) {
      const read = await blocks(long, offset, isDescending)
      t.ok(read <= 2 * least, `${read} blocks from ${offset}, ${least} of the short history`)
    }
  }
})

t.test('the database refuses to update, delete or truncate the numbers', async (t) => {
  for (const statement of [
    'UPDATE history_entry SET position = 9',
    'DELETE FROM history_entry',
    'TRUNCATE history_entry',
  ]) {
    await t.rejects(query(statement), /append-only/)
  }
})

t.test('B8: the history of an unknown customer is 404, and names the customer', async (t) => {
  const [list, one] = await Promise.all([
    http.get('/api/v2/clients/2147483647/records', staff),
    http.get('/api/v2/clients/2147483647/records/1', staff),
  ])
  t.equal(list.status, 404)
  t.equal(list.text, one.text)
  const none = await http.get(`/api/v2/clients/${empty.id}/records/1`, staff)
  t.equal(none.status, 404)
})
