import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestPostgres } from '@rekey/test-support/postgres'
import pg from 'pg'
import t from 'tap'
import { seedSandbox } from './sandbox.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-seed-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const database = await startTestPostgres(join(dir, 'postgres'), false)
t.teardown(() => database.stop())

const query = async (sql: string) => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows
}

t.test('the seed creates two customers, and a second one changes no password', async (t) => {
  await seedSandbox(database.url)
  t.same(await query('SELECT id, code, locale, timezone FROM customer ORDER BY id'), [
    { id: 1, code: 'EN00000CY', locale: 'en-GB', timezone: 'Europe/London' },
    { id: 2, code: 'EN00000DZ', locale: 'en-GB', timezone: 'Europe/London' },
  ])
  t.same(await query('SELECT customer_id AS id, value FROM identifier WHERE verified_at IS NOT NULL ORDER BY value'), [
    { id: 1, value: '+447700900001' },
    { id: 1, value: 'bpmtestusr1@gmail.com' },
    { id: 2, value: 'bpmtestusr2@gmail.com' },
  ])
  await query(`UPDATE credential SET hash = 'changed' WHERE customer_id = 1`)
  await Promise.all([seedSandbox(database.url), seedSandbox(database.url)])
  t.match(await query('SELECT hash FROM credential ORDER BY customer_id'), [
    { hash: 'changed' },
    { hash: /^\$argon2id/ },
  ])
  t.match(await query(`INSERT INTO customer (code) VALUES ('EN00000EA') RETURNING id`), [{ id: 3 }])
})

t.test('the error for an unreachable database names it, without its password', async (t) => {
  await t.rejects(seedSandbox('postgres://rekey:secret@127.0.0.1:1/none'), {
    message: /^Cannot seed the database 127\.0\.0\.1:1\/none: (?!.*secret)/,
  })
})
