import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sandboxCustomers } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { startTestPostgres } from '@rekey/test-support/postgres'
import pg from 'pg'
import t from 'tap'
import { openSecret } from '../factor-secrets/factor-secret.ts'
import { seedSandbox } from './sandbox.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-seed-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const database = await startTestPostgres(join(dir, 'postgres'), false)
t.teardown(() => database.stop())

const factorKey = `old:${'A'.repeat(43)}`
const seed = (key = factorKey) => seedSandbox({ DATABASE_URL: database.url, REKEY_FACTOR_SEAL_KEY: key })

const query = async (sql: string) => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows
}

t.test('the seed creates three customers, and a second one changes no password and no factor', async (t) => {
  await seed()
  t.same(await query('SELECT id, code, locale, timezone FROM customer ORDER BY id'), [
    { id: 1, code: 'EN00000CY', locale: 'en-GB', timezone: 'Europe/London' },
    { id: 2, code: 'EN00000DZ', locale: 'en-GB', timezone: 'Europe/London' },
    { id: 3, code: 'EN00000EX', locale: 'en-GB', timezone: 'Europe/London' },
  ])
  t.same(await query('SELECT customer_id AS id, value FROM identifier WHERE verified_at IS NOT NULL ORDER BY value'), [
    { id: 1, value: '+447700900001' },
    { id: 1, value: 'bpmtestusr1@gmail.com' },
    { id: 2, value: 'bpmtestusr2@gmail.com' },
    { id: 3, value: 'bpmtestusr3@gmail.com' },
  ])
  t.same(await query('SELECT id, factor_kinds::text[] AS kinds FROM customer ORDER BY id'), [
    { id: 1, kinds: [] },
    { id: 2, kinds: [] },
    { id: 3, kinds: ['totp'] },
  ])
  const factors = await query(
    'SELECT id, customer_id AS "customerId", sealed_secret AS sealed, seal_key_id AS "keyId" FROM factor',
  )
  await query(`UPDATE credential SET hash = 'changed' WHERE customer_id = 1`)
  await Promise.all([seed(), seed(`new:${'B'.repeat(43)}`)])
  t.match(await query('SELECT hash FROM credential ORDER BY customer_id'), [
    { hash: 'changed' },
    { hash: /^\$argon2id/ },
    { hash: /^\$argon2id/ },
  ])
  t.match(factors, [{ customerId: 3, keyId: 'old' }])
  t.same(await query('SELECT id, seal_key_id AS "keyId" FROM factor'), [{ id: factors[0].id, keyId: 'old' }])
  t.same(await openSecret(toKeys(factorKey), factors[0], factors[0].sealed), {
    secret: sandboxCustomers[2]?.totpSecret,
    algorithm: 'sha1',
    digits: 6,
  })
  t.match(await query(`INSERT INTO customer (code) VALUES ('EN00000EA') RETURNING id`), [{ id: 4 }])
})

t.test('the error for an unreachable database names it, without its password', async (t) => {
  await t.rejects(
    seedSandbox({ DATABASE_URL: 'postgres://rekey:secret@127.0.0.1:1/none', REKEY_FACTOR_SEAL_KEY: factorKey }),
    {
      message: /^Cannot seed the database 127\.0\.0\.1:1\/none: (?!.*secret)/,
    },
  )
})
