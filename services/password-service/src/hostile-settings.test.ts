import { createDatabase, dropDatabase, ensureDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { createLogger } from '@rekey/platform/logger'
import { requiredSettings, withSettings } from '@rekey/platform/postgres-settings'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { setDatabase } from '@rekey/test-support/postgres'
import t from 'tap'
import { createImportLock } from './customers/import/import-lock.ts'
import { seedSandbox } from './customers/sandbox.ts'
import { openDatabase } from './database.ts'
import { verifyHistory } from './history/verification.ts'
import { openImport } from './import-customers.ts'
import { listenForOutbox } from './outbox/listener.ts'

/** Settings of a database that would make a client fail or read wrong values. */
const hostile = {
  TimeZone: 'Asia/Kolkata',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  search_path: 'nowhere',
  default_transaction_isolation: 'serializable',
  exit_on_error: 'on',
  statement_timeout: '1',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
  idle_session_timeout: '1',
} satisfies Record<keyof typeof requiredSettings, string>

const { postgres } = await startInfrastructure(t, { postgres: 'private' })
const { server } = postgres
if (!server) throw new Error('this test needs a Postgres of its own')
const url = await createDatabase(server.url, 'hostile')
await setDatabase(url, hostile)
await setDatabase(server.url, hostile)
const log = createLogger({ name: 'test', level: 'silent' })

t.test('with hostile settings a server starts, and databases are created, migrated and seeded', async (t) => {
  await server.restart()
  const made = await ensureDatabase(server.url, 'made')
  await dropDatabase(server.url, 'made')
  await t.rejects(sql(made, 'SELECT 1'))
  t.ok((await migrate({ databaseUrl: url })).applied.length > 0)
  await t.resolves(seedSandbox({ DATABASE_URL: url, REKEY_FACTOR_SEAL_KEY: 'A'.repeat(43) }))
})

t.test('connections of the service have the required settings and their own time-outs', async (t) => {
  const database = openDatabase({ url, poolSize: 2, log })
  t.teardown(() => database.close())
  await t.resolves(database.check())
  const rows = await database.query(
    (prisma) => prisma.$queryRaw<{ name: string; setting: string }[]>`SELECT name, setting FROM pg_settings`,
  )
  const found = new Map(rows.map(({ name, setting }) => [name.toLowerCase(), setting.replaceAll(' ', '')]))
  const own = { statement_timeout: '1500', idle_in_transaction_session_timeout: '5000' }
  for (const [name, value] of Object.entries({ ...requiredSettings, ...own })) {
    t.equal(found.get(name.toLowerCase()), value.replaceAll(' ', ''), name)
  }
})

t.test('the listener gets notifications', async (t) => {
  let notifications = 0
  const listener = listenForOutbox({ url, onNotification: () => notifications++, log })
  t.teardown(() => listener.close())
  await eventually(() => notifications === 1, { what: 'the connection' })
  const admin = withSettings(url)
  await sql(admin, 'NOTIFY outbox')
  await eventually(() => notifications === 2, { what: 'the notification, on the same connection' })
})

t.test('the import opens, and its lock admits one process at a time', async (t) => {
  const { close } = await openImport({ DATABASE_URL: url })
  t.teardown(close)
  const lock = createImportLock(url)
  const release = await lock('a file')
  t.equal(await lock('a file'), undefined, 'another process has the lock')
  await release?.()
  await (await lock('a file'))?.()
})

t.test('the verification of the history succeeds', async (t) => {
  t.same(await verifyHistory(url), { records: 0, customers: 0 })
})
