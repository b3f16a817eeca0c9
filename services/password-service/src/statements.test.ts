import { inspect } from 'node:util'
import { createLogger } from '@rekey/platform/logger'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'
import { prepared } from './statements.ts'

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
  `SELECT name, (generic_plans + custom_plans)::int AS plans FROM pg_prepared_statements WHERE name LIKE 'test_sum%' OR name LIKE 'prisma%'`,
)

t.test('a statement is parsed once for each connection, and runs with the values of each call', async (t) => {
  const database = open(t)
  for (let call = 0; call < 10; call += 1) t.same(await database.run(sum, call, 1), [{ sum: call + 1 }])
  t.match(await database.run(planned), [{ name: /^test_sum/, plans: 10 }])
})

t.test('statements of Prisma are parsed once too, at most 200 of them', async (t) => {
  const database = open(t)
  const named = prepared<{ count: number }>(
    'test_named',
    `SELECT count(*)::int AS count FROM pg_prepared_statements WHERE name LIKE 'prisma_%'`,
  )
  const find = () => database.query((prisma) => prisma.customer.findFirst({ where: { code: 'none' } }))
  for (let call = 0; call < 3; call += 1) t.equal(await find(), null)
  t.match(await database.run(named), [{ count: 1 }])
  for (let size = 0; size < 250; size += 1) {
    await database.query((prisma) => prisma.$queryRawUnsafe(`SELECT ${size} AS size`))
  }
  t.match(await database.run(named), [{ count: 200 }])
  t.equal(await find(), null)
})

t.test(
  'behind a pooler in transaction mode no connection keeps a statement, whatever the settings of the pool',
  async (t) => {
    for (const options of [{ pooled: true }, { pooled: true, statementTimeoutMs: 6_000 }]) {
      const database = open(t, options)
      t.same(await database.run(sum, 1, 2), [{ sum: 3 }])
      await database.query((prisma) => prisma.customer.findFirst())
      t.same(await database.run(planned), [])
    }
  },
)

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
