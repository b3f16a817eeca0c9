import { inspect } from 'node:util'
import { createLogger } from '@rekey/platform/logger'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'
import { type AnyTransaction, prepared, runIn } from './statements.ts'

const service = await startPasswordService(t, { privatePostgres: true })
const { query } = service

/** Opens a database with one connection. */
const open = (t: Test, options: { pooled?: boolean; statementTimeoutMs?: number; poolSize?: number } = {}) => {
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: service.variables.DATABASE_URL, poolSize: 1, log, ...options })
  t.teardown(() => database.close())
  return database
}

const sum = prepared<{ sum: number }, [number, number]>('test_sum', 'SELECT $1::int + $2::int AS sum')
const planned = prepared<{ name: string; plans: number }>(
  'test_planned',
  `SELECT name, (generic_plans + custom_plans)::int AS plans FROM pg_prepared_statements WHERE name LIKE 'test_sum%'`,
)

t.test('a statement is parsed once for each connection, and runs with the values of each call', async (t) => {
  const database = open(t)
  for (let call = 0; call < 10; call += 1) t.same(await database.run(sum, call, 1), [{ sum: call + 1 }])
  t.match(await database.run(planned), [{ name: /^test_sum/, plans: 10 }])
})

t.test(
  'behind a pooler in transaction mode no connection keeps a statement, whatever the settings of the pool',
  async (t) => {
    for (const options of [{ pooled: true }, { pooled: true, statementTimeoutMs: 6_000 }]) {
      const database = open(t, options)
      t.same(await database.run(sum, 1, 2), [{ sum: 3 }])
      t.same(await database.run(planned), [])
    }
  },
)

t.test('a step gets the same rows in a transaction of prepared statements as in one of Prisma', async (t) => {
  const database = open(t)
  const echo = prepared<
    { at: Date; until: Date | null; ids: number[]; names: { name: string }[]; found: boolean },
    [at: Date, until: Date | null, ids: number[], names: string, found: boolean]
  >(
    'test_echo',
    'SELECT $1::timestamptz(3) AS at, $2::timestamptz AS until, $3::int[] AS ids, $4::json AS names, $5::boolean AS found',
  )
  const values = [new Date('2026-02-28T23:59:59.999Z'), null, [3, 1, 2], '[{"name":"Zoë \\u0022"}]', true] as const
  const step = (tx: AnyTransaction) => runIn(tx, echo, values[0], values[1], [...values[2]], values[3], values[4])
  const rows = await database.runTransaction(step)
  t.same(rows, [{ at: values[0], until: null, ids: [3, 1, 2], names: [{ name: 'Zoë "' }], found: true }])
  t.same(await database.transaction(step), rows)
})

t.test('a background loop behind a pooler has its own time-out for a statement', async (t) => {
  const database = open(t, { pooled: true, statementTimeoutMs: 2_345 })
  const setting = prepared<{ statement_timeout: string }>('test_setting', 'SHOW statement_timeout')
  t.same(await database.run(setting), [{ statement_timeout: '2345ms' }])
  t.same(await query('SHOW statement_timeout'), [{ statement_timeout: '0' }])
})

t.test('a migration that changes the type of a result fails no request, on any connection', async (t) => {
  const database = open(t, { poolSize: 3 })
  await query('CREATE TABLE changing (value int); INSERT INTO changing VALUES (7)')
  t.teardown(() => query('DROP TABLE changing'))
  const read = prepared<{ value: unknown }>('test_changing', 'SELECT value FROM changing, pg_sleep(0.05)')
  const readAll = () => Promise.all([1, 2, 3].map(() => database.run(read)))
  t.same((await readAll()).flat(), [{ value: 7 }, { value: 7 }, { value: 7 }])
  for (const [type, value] of [
    ['text', '7'],
    ['int', 7],
    ['bigint', '7'],
  ] as const) {
    await query(`ALTER TABLE changing ALTER value TYPE ${type} USING value::${type}`)
    t.same((await readAll()).flat(), [{ value }, { value }, { value }], type)
  }
})

t.test('S25: a prepared statement that takes too long is the error unavailable, and ends at Postgres', async (t) => {
  const database = open(t)
  const sleep = prepared<object>('test_sleep', 'SELECT pg_sleep(3)::text')
  await t.rejects(database.run(sleep), { name: 'RekeyError', code: 'unavailable' })
  t.same(await database.run(sum, 1, 2), [{ sum: 3 }])
})

t.test('S35: an error of a prepared statement contains neither rows nor values', async (t) => {
  const database = open(t)
  const insert = prepared<object, [string]>('test_insert', 'SELECT $1::text::int')
  const duplicate = prepared<object, [string]>(
    'test_duplicate',
    `INSERT INTO revoked_session (sid, expires_at) VALUES ($1, now())`,
  )
  await database.run(duplicate, 'planted')
  for (const [work, expected] of [
    [() => database.run(insert, 'planted'), { name: 'InvalidData', code: '22P02' }],
    [() => database.run(duplicate, 'planted'), { name: 'DatabaseError', code: '23505' }],
  ] as const) {
    const error = await work().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    t.match(error, expected)
    t.notOk(inspect(error, { depth: 10, showHidden: true }).includes('planted'))
  }
})

t.test('a statement of Prisma is parsed once for each connection, up to 500 of them', async (t) => {
  const database = open(t)
  const add = (number: number, text = '') =>
    database.query((prisma) => prisma.$queryRawUnsafe<{ sum: number }[]>(`SELECT $1::int + 1 AS sum ${text}`, number))
  for (let call = 0; call < 10; call += 1) t.same(await add(call), [{ sum: call + 1 }])
  for (let text = 0; text < 510; text += 1) await add(text, `-- ${text}`)
  const names = prepared<{ plans: number; count: number }>(
    'test_names',
    `SELECT max(generic_plans + custom_plans)::int AS plans, count(*)::int AS count
     FROM pg_prepared_statements WHERE name LIKE 'prisma%'`,
  )
  t.same(await database.run(names), [{ plans: 10, count: 500 }])
})

t.test('a statement of Prisma is planned again once its result has another type', async (t) => {
  const database = open(t)
  await query('CREATE TABLE altered (value int)')
  await query('INSERT INTO altered VALUES (1)')
  const read = () => database.query((prisma) => prisma.$queryRaw`SELECT value FROM altered WHERE value::text = ${'1'}`)
  t.same(await read(), [{ value: 1 }])
  await query('ALTER TABLE altered ALTER value TYPE text')
  await t.rejects(read(), { name: 'RekeyError', code: 'unavailable' })
  t.same(await read(), [{ value: '1' }])
})
