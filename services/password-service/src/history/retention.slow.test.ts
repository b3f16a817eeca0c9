import { createLogger } from '@rekey/platform/logger'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import t from 'tap'
import { loopOptions, openDatabase } from '../database.ts'
import { erase } from '../erasure/erasure.fixture.ts'
import { cutHistory } from './cut-history.ts'
import { verifyHistory } from './verification.ts'

// Records older than the retention are deleted from the beginning of each chain, and what is left can be verified.

const months = 24
const service = await startPasswordService(t, { privatePostgres: true })
const { http, query, bearer, clock } = service
const databaseUrl = service.variables.DATABASE_URL
const log = createLogger({ name: 'test', level: 'silent' })
const loops = openDatabase({ ...loopOptions, url: databaseUrl, log })
t.teardown(() => loops.close())
const verify = () => verifyHistory(databaseUrl)
const cut = cutHistory(loops, months)
const cutAll = async (limit: number) => {
  for (let round = 0; round < 200; round += 1) if ((await cut(clock.now(), limit)) === 0) return
  throw new Error('the history is still cut')
}

type Customer = Awaited<ReturnType<typeof service.customer>>
interface Row {
  id: number
  isOld: boolean
}
const cutoff = () => {
  const at = new Date(clock.now())
  at.setUTCMonth(at.getUTCMonth() - months)
  return at
}
const recordsOf = ({ id }: Customer) =>
  query<Row>(
    `SELECT id, create_time < $2 AS "isOld" FROM password_change WHERE customer_id = $1 ORDER BY create_time, id`,
    [id, cutoff()],
  )
const change = async (customer: Customer) => {
  const { status, text } = await service.change(customer)
  if (status !== 204) throw new Error(text)
}
const list = async ({ code }: Customer, search = '') => {
  const url = `/api/v2/my/password/changes${search}`
  const { body } = await http.get<{ total: number; data: { id: number }[] }>(url, { authorization: bearer(code) })
  return { total: body.total, ids: body.data.map(({ id }) => id) }
}

const monthMs = 31 * 86_400_000
// Postgres' own clock decides what is never deleted: at the end of this file it is still later than the service's.
clock.advance(-90 * monthMs)
const people = await Promise.all([1, 2, 3, 4].map(() => service.customer()))
const [first, second, erased, unnumbered] = people
if (!first || !second || !erased || !unnumbered) throw new Error('no customers')
for (const [customer, count] of [
  [first, 3],
  [second, 1],
  [erased, 2],
  [unnumbered, 2],
] as const) {
  if (customer === unnumbered) await query('ALTER TABLE password_change DISABLE TRIGGER password_change_is_numbered')
  for (let made = 0; made < count; made += 1) await change(customer)
}
await query('ALTER TABLE password_change ENABLE TRIGGER password_change_is_numbered')
clock.advance(20 * monthMs)
for (const customer of [first, erased]) await change(customer)
await erase(service, { customer: erased.code })
clock.advance(10 * monthMs)

t.test('records older than the retention are deleted, and no others, in batches of any size', async (t) => {
  const before = new Map(await Promise.all(people.map(async (one) => [one, await recordsOf(one)] as const)))
  t.ok([...before.values()].flat().some(({ isOld }) => !isOld))
  await cutAll(3)
  for (const [customer, rows] of before) {
    const kept = rows.filter(({ isOld }) => !isOld)
    t.same(await recordsOf(customer), kept)
    const [anchor] = await query<{ changeId: string; records: number }>(
      'SELECT change_id AS "changeId", records FROM history_anchor WHERE customer_id = $1',
      [customer.id],
    )
    t.match(anchor, { changeId: String(rows.findLast(({ isOld }) => isOld)?.id), records: rows.length - kept.length })
  }
  t.match(await verify(), { records: 2, invalid: undefined })
  const [row] = await query<{ n: number }>('SELECT count(*)::int AS n FROM history_entry')
  t.equal(row?.n, 4, 'numbers go with their records')
})

t.test('a history whose beginning, or all, was deleted is continued, listed and verified', async (t) => {
  for (const customer of [first, second, unnumbered]) await change(customer)
  for (const customer of [first, second, unnumbered]) {
    const ids = (await recordsOf(customer)).map(({ id }) => id)
    const page = fc.record({ limit: fc.integer({ min: 1, max: 3 }), offset: fc.integer({ min: 0, max: 3 }) })
    await fc.assert(
      fc.asyncProperty(page, fc.constantFrom('asc', 'desc'), async ({ limit, offset }, order) => {
        const shown = await list(customer, `?limit=${limit}&offset=${offset}&sort_order=${order}`)
        const ordered = order === 'asc' ? ids : ids.toReversed()
        t.same(shown, { total: ids.length, ids: ordered.slice(offset, offset + limit) })
      }),
      { numRuns: 8 },
    )
  }
  t.equal((await verify()).invalid, undefined)
})

t.test('records are cut while others are appended, and every chain stays valid', async (t) => {
  clock.advance(25 * monthMs)
  const done = new AbortController()
  const cutting = (async () => {
    while (!done.signal.aborted) await cut(clock.now(), 2)
  })()
  for (let round = 0; round < 4; round += 1) await Promise.all([first, second, unnumbered].map(change))
  done.abort()
  await cutting
  await cutAll(2)
  for (const customer of [first, second, unnumbered]) {
    t.ok((await recordsOf(customer)).every(({ isOld }) => !isOld))
    t.equal((await list(customer)).total, 4)
  }
  t.equal((await verify()).invalid, undefined)
})

t.test('a record that is deleted, and an anchor that is changed, are found', async (t) => {
  const rows = await recordsOf(first)
  const kept = 'CREATE TABLE kept AS TABLE password_change; CREATE TABLE kept_anchor AS TABLE history_anchor'
  await query(kept)
  const isFound = async (flaw: string, changeId: number | undefined, ...statements: string[]) => {
    await query(['ALTER TABLE password_change DISABLE TRIGGER USER', ...statements].join(';'))
    t.match((await verify()).invalid, { customerId: first.id, changeId, flaw }, statements.join())
    await query(
      `DELETE FROM password_change; INSERT INTO password_change SELECT * FROM kept; DELETE FROM history_anchor;
       INSERT INTO history_anchor SELECT * FROM kept_anchor; ALTER TABLE password_change ENABLE TRIGGER USER`,
    )
    t.equal((await verify()).invalid, undefined)
  }
  const [oldest, next, last] = [rows[0]?.id, rows[1]?.id, rows.at(-1)?.id]
  await isFound('previous digest', next, `DELETE FROM password_change WHERE id = ${oldest}`)
  await isFound('entry extra', last, `DELETE FROM password_change WHERE id = ${last}`)
  await isFound('previous digest', oldest, `DELETE FROM history_anchor WHERE customer_id = ${first.id}`)
  await isFound(
    'previous digest',
    oldest,
    `UPDATE history_anchor SET digest = reverse(digest) WHERE customer_id = ${first.id}`,
  )
  await isFound('order', oldest, `UPDATE history_anchor SET change_id = ${oldest} WHERE customer_id = ${first.id}`)
  await isFound('digest', oldest, `UPDATE password_change SET erased_digest = digest WHERE id = ${oldest}`)
})

t.test('numbers that are missing, extra or out of order are found', async (t) => {
  const rows = await recordsOf(first)
  const [oldest, next] = [rows[0]?.id, rows[1]?.id]
  await query('CREATE TABLE kept_entry AS TABLE history_entry')
  const ofFirst = `customer_id = ${first.id} AND NOT changes_only`
  for (const [flaw, changeId, statement] of [
    ['entry missing', oldest, `DELETE FROM history_entry WHERE ${ofFirst} AND change_id = ${oldest}`],
    ['entry missing', next, `DELETE FROM history_entry WHERE ${ofFirst} AND change_id = ${next}`],
    [
      'entry order',
      next,
      `UPDATE history_entry SET position = position + 1000 WHERE ${ofFirst} AND change_id > ${oldest}`,
    ],
    ['entry extra', 7, `INSERT INTO history_entry VALUES (${first.id}, false, 1000000, 7)`],
    ['entry extra', 7, `INSERT INTO history_entry VALUES (2000000000, false, 1, 7)`],
    ['entry extra', 7, `INSERT INTO history_entry VALUES (0, true, 1, 7)`],
  ] as const) {
    await query(`ALTER TABLE history_entry DISABLE TRIGGER USER; ${statement}`)
    t.match((await verify()).invalid, { changeId, flaw }, statement)
    await query(
      `DELETE FROM history_entry; INSERT INTO history_entry SELECT * FROM kept_entry; ALTER TABLE history_entry ENABLE TRIGGER USER`,
    )
    t.equal((await verify()).invalid, undefined)
  }
})

t.test(
  'the owner of the tables can neither delete nor change a record or a number that no cut and no erasure covers',
  async (t) => {
    for (const statement of [
      'DELETE FROM password_change',
      `UPDATE password_change SET actor_id = 'erased', ip = 'erased', reason = NULL, erased_digest = 'x'`,
      'TRUNCATE password_change',
      'DELETE FROM history_entry',
      'UPDATE history_entry SET position = position + 1',
    ]) {
      await t.rejects(query(statement), /append-only/, statement)
    }
  },
)

t.test('records of the last four weeks cannot be deleted, whatever is asked for', async (t) => {
  for (const before of ['infinity', new Date().toISOString()]) {
    await t.rejects(query('SELECT cut_history($1, 1000, now())', [before]), /the history of the last 28 days is kept/)
  }
})

t.test('a cut reads the tables by index only', async (t) => {
  const scans = async () => {
    await query('SELECT pg_stat_force_next_flush()').catch(() => {})
    return query<{ name: string; scans: string }>(
      `SELECT relname AS name, seq_scan AS scans FROM pg_stat_user_tables
       WHERE relname IN ('password_change', 'history_entry', 'history_anchor', 'customer', 'erased_customer') ORDER BY 1`,
    )
  }
  clock.advance(25 * monthMs)
  const before = await scans()
  await cutAll(2)
  await loops.query((prisma) => prisma.$executeRaw`SELECT pg_stat_force_next_flush()`)
  t.same(await scans(), before)
  t.match(await verify(), { records: 0, invalid: undefined })
})
