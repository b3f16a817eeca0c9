import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { writeCertificate } from '@rekey/test-support/certificate'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { startDeployedDatabase } from '@rekey/test-support/deployed-database'
import t from 'tap'

const dir = mkdtempSync(join(tmpdir(), 'rekey-roles-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const database = await startDeployedDatabase(t, { dataDir: dir, certificate: await writeCertificate(dir) })
const { id } = await createCustomer(database.service)
await sql(
  database.service,
  `INSERT INTO password_change
     (customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time, previous_digest, digest)
   VALUES ($1, 'restored', 'change', 'client', 'a', 'b', 'api', '::1', now(), 'c', 'd')`,
  [id],
)

const insufficientPrivilege = { code: '42501' }

t.test('S33: the service’s role cannot create, change or drop tables, functions or roles', async (t) => {
  const statements = [
    'CREATE TABLE mine (id int)',
    'CREATE TEMPORARY TABLE mine (id int)',
    'CREATE SCHEMA mine',
    'CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'ALTER TABLE customer ADD COLUMN mine int',
    'CREATE INDEX ON customer (locale)',
    'DROP TABLE spent_token',
    'TRUNCATE spent_token',
    'DROP INDEX customer_code_key',
    'CREATE ROLE mine',
    'SET ROLE rekey_owner',
    "COPY customer TO PROGRAM 'cat'",
    'SELECT * FROM _prisma_migrations',
    'SELECT * FROM pg_authid',
  ]
  for (const statement of statements) {
    await t.rejects(sql(database.service, statement), insufficientPrivilege, statement)
  }
  const owned = await sql(database.superuser, `SELECT 1 FROM pg_class WHERE relowner = 'rekey_service'::regrole`)
  t.same(owned, [])
})

t.test('S33: the service’s role can only read the history and append to it', async (t) => {
  const statements = [
    `UPDATE password_change SET ip = '::2'`,
    'DELETE FROM password_change',
    'TRUNCATE password_change',
    'SELECT * FROM password_change FOR UPDATE',
    `INSERT INTO password_change SELECT * FROM password_change ON CONFLICT (id) DO UPDATE SET ip = '::2'`,
  ]
  for (const statement of statements) {
    await t.rejects(sql(database.service, statement), insufficientPrivilege, statement)
  }
  const indirect = [
    'ALTER TABLE password_change DISABLE TRIGGER password_change_append_only',
    'DROP TRIGGER password_change_append_only ON password_change',
    `SET session_replication_role = replica`,
    'ALTER TABLE password_change RENAME TO other',
    'DELETE FROM customer',
  ]
  for (const statement of indirect) {
    await t.rejects(sql(database.service, statement), insufficientPrivilege, statement)
  }
  t.equal((await sql(database.service, 'SELECT * FROM password_change')).length, 1)
})

t.test('S33: the service’s role can only read the numbers of records, anchors and erasures', async (t) => {
  for (const table of ['history_entry', 'history_anchor', 'erased_customer']) {
    t.type(await sql(database.service, `SELECT * FROM ${table}`), Array)
    for (const statement of [
      `INSERT INTO ${table} SELECT * FROM ${table}`,
      `UPDATE ${table} SET customer_id = 1`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `SELECT * FROM ${table} FOR UPDATE`,
    ]) {
      await t.rejects(sql(database.service, statement), insufficientPrivilege, statement)
    }
  }
  await t.rejects(sql(database.service, `SELECT cut_history('infinity', 1000, now())`), /the last 28 days is kept/)
  for (const statement of ['UPDATE history_entry SET position = 9', 'DELETE FROM history_entry']) {
    await t.rejects(sql(database.owner, statement), /append-only/)
  }
})

t.test(
  'S33: an erasure by the service’s role keeps the history, and leaves a trace that the role cannot remove',
  async (t) => {
    const { id: erased } = await createCustomer(database.service)
    await sql(
      database.service,
      `INSERT INTO password_change
       (customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time, previous_digest, digest)
     VALUES ($1, 'restored', 'change', 'client', 'a', 'b', 'api', '::1', now(), 'c', 'e')`,
      [erased],
    )
    const record = 'SELECT create_time, digest, previous_digest, client_id FROM password_change WHERE customer_id = $1'
    const before = await sql(database.service, record, [erased])
    const call = (ids: string) =>
      sql(database.service, `SELECT erase_customer($1, now(), 'theft', ${ids}, ARRAY['forged'])`, [erased])
    await t.rejects(call(`ARRAY(SELECT id FROM password_change WHERE customer_id = ${id})`), /of these 1 records/)
    t.equal((await sql(database.service, 'SELECT 1 FROM customer WHERE id = $1', [erased])).length, 1)

    await call(`ARRAY(SELECT id FROM password_change WHERE customer_id = ${erased})`)
    t.same(await sql(database.service, record, [erased]), before)
    t.same(await sql(database.service, 'SELECT customer_id, reason FROM erased_customer'), [
      { customer_id: erased, reason: 'theft' },
    ])
    await t.rejects(sql(database.service, 'DELETE FROM erased_customer'), insufficientPrivilege)
  },
)

t.test('S33: the owner cannot change or delete a record of the history either', async (t) => {
  for (const statement of [`UPDATE password_change SET ip = '::2'`, 'DELETE FROM password_change']) {
    await t.rejects(sql(database.owner, statement), /append-only/)
  }
})

t.test('S33: other roles cannot connect to the database', async (t) => {
  await sql(database.superuser, `CREATE ROLE stranger LOGIN PASSWORD 'stranger'`)
  const url = new URL(database.superuser)
  url.username = 'stranger'
  url.password = 'stranger'
  await t.rejects(sql(url.href, 'SELECT 1'), insufficientPrivilege)
})

t.test('the service’s role has access to every table except that of the migrations', async (t) => {
  const tables = await sql<{ name: string }>(
    database.superuser,
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND NOT has_table_privilege('rekey_service', oid, 'SELECT, INSERT')`,
  )
  t.same(
    tables.map(({ name }) => name),
    ['_prisma_migrations'],
  )
})

t.test('npm run migrate -- --grants restores the access of the service’s role, and gives it no more', async (t) => {
  const rights = () =>
    sql(
      database.superuser,
      `SELECT table_name, privilege_type FROM information_schema.role_table_grants
       WHERE grantee = 'rekey_service' ORDER BY 1, 2`,
    )
  const granted = await rights()
  await sql(database.owner, 'REVOKE ALL ON outbox FROM rekey_service')
  await sql(database.owner, 'GRANT DELETE ON password_change TO rekey_service')
  const secrets = join(dir, 'migrate.env')
  writeFileSync(secrets, `DATABASE_URL=${database.owner}\n`)
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/migrate.ts', '--grants'], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...process.env, DATABASE_URL: '', REKEY_DATABASE_DIRECT_URL: '', REKEY_SECRETS_FILE: secrets },
  })
  t.match(stdout, /No pending migrations\.\nGranted rekey_service its access\./)
  t.same(await rights(), granted)
})
