import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import tap, { type Test, test } from 'tap'
import { createDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { startPostgres } from './postgres.ts'
import { diffSchemas } from './schema-diff.ts'

const prismaDir = resolve(import.meta.dirname, '../../../prisma')

const dir = mkdtempSync(join(tmpdir(), 'rekey-migrate-test-'))
tap.teardown(() => rmSync(dir, { recursive: true, force: true }))
const server = await startPostgres({ dataDir: join(dir, 'postgres'), durable: false })
tap.teardown(() => server.stop())

const start = async (t: Test) => {
  const databaseUrl = await createDatabase(server.url, `migrated_${randomUUID()}`)
  const open = async () => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    t.teardown(() => client.end())
    return client
  }
  return { databaseUrl, open }
}

const insertChange = `
  WITH customer AS (INSERT INTO customer (code) VALUES ('EN00000CY') RETURNING id)
  INSERT INTO password_change (customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time,
    previous_digest, digest)
  SELECT id, 'restored', 'restore', 'client', 'EN00000CY', 'ib_localhost', 'email', '::1', now(), '', 'd' FROM customer`

test('migrations are applied once and recorded in Prisma’s table', async (t) => {
  const { databaseUrl, open } = await start(t)
  const { applied } = await migrate({ databaseUrl })
  t.match(applied[0], /_init$/)
  t.same((await migrate({ databaseUrl })).applied, [])
  const client = await open()
  const { rows } = await client.query('SELECT migration_name, finished_at FROM _prisma_migrations ORDER BY started_at')
  t.same(
    rows.map((row) => row.migration_name),
    applied,
  )
  t.ok(rows.every((row) => row.finished_at instanceof Date))
})

test('two concurrent migrations both succeed', async (t) => {
  const { databaseUrl } = await start(t)
  const both = await Promise.all([migrate({ databaseUrl }), migrate({ databaseUrl })])
  t.equal(both.filter(({ applied }) => applied.length > 0).length, 1)
})

test('the history of password changes is append-only', async (t) => {
  const { databaseUrl, open } = await start(t)
  await migrate({ databaseUrl })
  const client = await open()
  await client.query(insertChange)
  for (const statement of [
    "UPDATE password_change SET ip = ''",
    'DELETE FROM password_change',
    'TRUNCATE password_change',
  ]) {
    await t.rejects(client.query(statement), { message: /^password_change is append-only/ }, statement)
  }
})

test('an event in the outbox notifies listeners', async (t) => {
  const { databaseUrl, open } = await start(t)
  await migrate({ databaseUrl })
  const client = await open()
  await client.query('LISTEN outbox')
  const woken = new Promise((resolve) => client.once('notification', resolve))
  await client.query(`
    INSERT INTO outbox (event_id, type, subject, data, created_at)
    VALUES (gen_random_uuid(), 'password.restored', 'EN00000CY', '{}', now())`)
  t.match(await woken, { channel: 'outbox' })
})

test('a failing migration reports the error and is rolled back', async (t) => {
  const { databaseUrl, open } = await start(t)
  cpSync(prismaDir, join(dir, 'prisma'), { recursive: true })
  mkdirSync(join(dir, 'prisma/migrations/99990101000000_broken'))
  const sql = 'CREATE TABLE half (); SELECT nonsense;'
  writeFileSync(join(dir, 'prisma/migrations/99990101000000_broken/migration.sql'), sql)
  await t.rejects(migrate({ databaseUrl, dir: join(dir, 'prisma') }), { message: /^migration failed: .*nonsense/s })
  const { rows } = await (await open()).query("SELECT to_regclass('half') AS half")
  t.same(rows, [{ half: null }])
})

test('the error for an unreachable database names it without the password', async (t) => {
  const databaseUrl = 'postgresql://somebody:secret@127.0.0.1:1/nowhere'
  const error = await migrate({ databaseUrl }).catch((error) => error)
  t.match(error.message, /cannot reach the database 127\.0\.0\.1:1\/nowhere/)
  t.notMatch(error.message, 'secret')
})

test('the migrations result in schema.prisma', async (t) => {
  const { databaseUrl } = await start(t)
  const schema = readFileSync(join(prismaDir, 'schema.prisma'), 'utf8')
  t.equal(await diffSchemas({ databaseUrl, from: schema, to: schema }), undefined)
  const changed = schema.replace('code            String ', 'code            String? ')
  t.match(await diffSchemas({ databaseUrl, from: schema, to: changed }), /ALTER COLUMN "code" DROP NOT NULL/)
})
