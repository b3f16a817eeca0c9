import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import tap, { type Test } from 'tap'
import { createDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { startPostgres } from './postgres.ts'
import { waitUntil } from './wait-until.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-migrate-locks-'))
tap.teardown(() => rmSync(dir, { recursive: true, force: true }))
const server = await startPostgres({ dataDir: join(dir, 'postgres'), durable: false })
tap.teardown(() => server.stop())

/** A database with a table, and a folder of migrations for it. */
const start = async (t: Test) => {
  const databaseUrl = await createDatabase(server.url, `locks_${randomUUID()}`)
  const folder = mkdtempSync(join(dir, 'prisma-'))
  mkdirSync(join(folder, 'migrations'))
  writeFileSync(join(folder, 'schema.prisma'), 'datasource db {\n  provider = "postgresql"\n}\n')
  writeFileSync(join(folder, 'migrations/migration_lock.toml'), 'provider = "postgresql"\n')
  let count = 0
  const add = (sql: string) => {
    const name = `2026010100000${++count}_step`
    mkdirSync(join(folder, 'migrations', name))
    writeFileSync(join(folder, 'migrations', name, 'migration.sql'), sql)
    return name
  }
  const lines: string[] = []
  const run = (patience: { waitMs?: number; lockTimeoutMs?: number } = {}) =>
    migrate({ databaseUrl, dir: folder, patience: { onWait: (line) => lines.push(line), ...patience } })
  const open = async (application_name = 'test') => {
    const client = new pg.Client({ connectionString: databaseUrl, application_name })
    client.on('error', () => {})
    await client.connect()
    t.teardown(() => client.end())
    return client
  }
  add('CREATE TABLE account (id int PRIMARY KEY, name text)')
  await run()
  return { databaseUrl, add, run, open, lines }
}

const query = async <Row extends pg.QueryResultRow>(client: pg.Client, text: string) =>
  (await client.query<Row>(text)).rows

/** Holds ACCESS SHARE on the table, as pg_dump does. */
const backUp = async (t: Test, open: (name: string) => Promise<pg.Client>) => {
  const client = await open('pg_dump')
  await client.query('BEGIN; LOCK TABLE account IN ACCESS SHARE MODE')
  t.teardown(() => client.query('ROLLBACK'))
  return () => client.query('ROLLBACK')
}

tap.test(
  'a migration waits in short slices while a backup holds its lock, and statements pass in between',
  async (t) => {
    const { add, run, open, lines } = await start(t)
    const end = await backUp(t, open)
    const name = add('ALTER TABLE account ADD COLUMN email text')
    const migration = run()
    const client = await open()
    let longestMs = 0
    while (lines.length < 3) {
      const startedAt = performance.now()
      await client.query(
        `INSERT INTO account VALUES (${Math.round(startedAt * 1_000) % 2_000_000_000}) ON CONFLICT DO NOTHING`,
      )
      longestMs = Math.max(longestMs, performance.now() - startedAt)
      await delay(10)
    }
    t.ok(longestMs > 100, 'a statement waited behind the migration')
    t.ok(longestMs < 1_500, `the longest statement took ${longestMs} ms`)
    t.match(
      lines[0],
      /^A table is locked by process \d+ \(pg_dump, role rekey, idle in transaction, for \d+ s\)\. Trying again/,
    )
    await end()
    t.same(await migration, { applied: [name] })
    t.same(await query(client, 'SELECT email FROM account LIMIT 1'), [{ email: null }])
  },
)

tap.test(
  'a migration that does not get its locks in time names the holder, changes nothing, and runs later',
  async (t) => {
    const { add, run, open } = await start(t)
    const end = await backUp(t, open)
    const name = add('CREATE TABLE half (); ALTER TABLE account ADD COLUMN email text')
    await t.rejects(run({ waitMs: 1_000, lockTimeoutMs: 50 }), {
      message:
        /did not get its locks within 1 s \(canceling statement due to lock timeout\); they were held by process \d+ \(pg_dump, /,
    })
    const client = await open()
    t.same(await query(client, `SELECT to_regclass('half') AS half`), [{ half: null }])
    await end()
    t.same(await run(), { applied: [name] })
  },
)

tap.test('a deadlock is tried again', async (t) => {
  const { add, run, open, lines } = await start(t)
  const client = await open('deadlock')
  await client.query('CREATE TABLE other (id int)')
  add('LOCK TABLE account; SELECT pg_sleep(0.5); LOCK TABLE other')
  await client.query(`SET deadlock_timeout = '5s'; BEGIN; LOCK TABLE other`)
  const migration = run({ lockTimeoutMs: 3_000 })
  const isWaiting = async () =>
    (await query(await observer, `SELECT FROM pg_locks WHERE NOT granted AND relation = 'other'::regclass`)).length > 0
  const observer = open()
  await waitUntil(isWaiting, { what: 'the migration to wait', timeoutMs: 20_000 })
  await client.query('LOCK TABLE account')
  await client.query('COMMIT')
  t.equal((await migration).applied.length, 1)
  t.match(lines, [/^A table is locked/])
})

tap.test('one migration runs at a time: a second one names the first, and ends when it does not end', async (t) => {
  const { add, run, open } = await start(t)
  const first = await open('prisma migrate')
  await first.query('SELECT pg_advisory_lock(72707369)')
  const name = add('ALTER TABLE account ADD COLUMN email text')
  await t.rejects(run({ waitMs: 300 }), { message: /another migration is running: process \d+ \(prisma migrate, role/ })
  await first.query('SELECT pg_advisory_unlock(72707369)')
  t.same(await run(), { applied: [name] })
})

const index = (name: string) => `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('${name}')`

tap.test('CREATE INDEX CONCURRENTLY waits for earlier transactions without blocking statements', async (t) => {
  const { add, run, open } = await start(t)
  const writer = await open('writer')
  await writer.query('BEGIN; INSERT INTO account VALUES (1)')
  const name = add('-- By name.\nCREATE INDEX CONCURRENTLY "account_name_idx" ON account (name);\n')
  const migration = run()
  const client = await open()
  await waitUntil(async () => (await query(client, index('account_name_idx'))).length === 1, {
    what: 'the index to be created',
    timeoutMs: 20_000,
  })
  await client.query('INSERT INTO account VALUES (2)')
  await writer.query('COMMIT')
  t.same(await migration, { applied: [name] })
  t.same(await query(client, index('account_name_idx')), [{ valid: true }])
})

tap.test('an invalid index that a failure left is dropped and built again; a valid one is kept', async (t) => {
  const { add, run, open } = await start(t)
  const client = await open()
  await client.query(`INSERT INTO account VALUES (1, 'twice'), (2, 'twice')`)
  const name = add('CREATE UNIQUE INDEX CONCURRENTLY account_name_key ON public.account (name)')
  await t.rejects(run(), { message: /could not create unique index "account_name_key"/ })
  t.same(await query(client, index('account_name_key')), [{ valid: false }])
  await client.query('DELETE FROM account WHERE id = 2')
  t.same(await run(), { applied: [name] })
  t.same(await query(client, index('account_name_key')), [{ valid: true }])
  // As after SIGKILL between the index and its record.
  await client.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${name}'`)
  t.same(await run(), { applied: [name] })
})

tap.test('DROP INDEX CONCURRENTLY may be repeated', async (t) => {
  const { add, run, open } = await start(t)
  const client = await open()
  await client.query('CREATE INDEX old_idx ON account (name)')
  const name = add('DROP INDEX CONCURRENTLY old_idx')
  t.same(await run(), { applied: [name] })
  await client.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${name}'`)
  t.same(await run(), { applied: [name] })
})

tap.test('a migration whose process is killed is done wholly or not at all, and the next run goes on', async (t) => {
  const { add, run, open } = await start(t)
  const client = await open()
  const name = add('ALTER TABLE account ADD COLUMN email text; SELECT pg_sleep(30)')
  const killed = run().catch((error) => error)
  const backend = () =>
    query<{ pid: number }>(
      client,
      `SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()`,
    )
  const [found] = await waitUntil(async () => ((await backend()).length > 0 ? backend() : undefined), {
    what: 'the migration to run',
    timeoutMs: 20_000,
  })
  await client.query('SELECT pg_terminate_backend($1)', [found?.pid])
  t.match(await killed, { message: /^migration failed: / })
  t.same(await query(client, `SELECT FROM information_schema.columns WHERE column_name = 'email'`), [])
  await client.query(`UPDATE _prisma_migrations SET logs = NULL WHERE migration_name = '${name}'`)
  const again = run().catch((error) => error)
  await waitUntil(async () => (await backend()).length > 0, { what: 'the migration to run again', timeoutMs: 20_000 })
  for (const { pid } of await backend()) await client.query('SELECT pg_cancel_backend($1)', [pid])
  t.match(await again, { message: /canceling statement due to user request/ })
})
