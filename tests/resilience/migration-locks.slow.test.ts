import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '@rekey/local-servers/migrate'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { restore, restoreGrant, signIn } from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import pg from 'pg'
import t from 'tap'

// A migration needs ACCESS EXCLUSIVE on a table that a backup reads. Every request for the table queues behind it.

const prismaDir = join(import.meta.dirname, '../../prisma')
const rekey = await startRekey(t)
const { url } = rekey.postgres
const people = await Promise.all([1, 2, 3].map(() => createCustomer(url)))

const holdAll = async () => {
  const client = new pg.Client({ connectionString: url, application_name: 'pg_dump' })
  await client.connect()
  t.teardown(() => client.end())
  const { rows } = await client.query<{ names: string }>(
    `SELECT string_agg(quote_ident(relname), ', ') AS names FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
  )
  await client.query(`BEGIN; LOCK TABLE ${rows[0]?.names} IN ACCESS SHARE MODE`)
  return () => client.query('ROLLBACK')
}

/** A restore from the request to the new password, and a sign-in with it. */
const restoreAndSignIn = async (person: TestCustomer, password: string) => {
  const grant = await restoreGrant(rekey, person)
  const { status, text } = await patiently(() => restore(rekey, grant, password))
  t.equal(status, 204, text)
  await signIn(rekey, { ...person, password })
}

t.test(
  'restores and sign-ins are answered while a migration waits for a backup, and it ends after the backup',
  async (t) => {
    const dir = join(rekey.dataDir, 'prisma')
    cpSync(prismaDir, dir, { recursive: true })
    const tables = ['customer', 'credential', 'password_change', 'restore_request', 'outbox']
    for (const [index, table] of tables.entries()) {
      const folder = join(dir, `migrations/9999010100000${index}_${table}`)
      mkdirSync(folder)
      writeFileSync(join(folder, 'migration.sql'), `ALTER TABLE ${table} ADD COLUMN planted INTEGER;\n`)
    }
    const end = await holdAll()
    const waits: string[] = []
    let isOver = false
    const migration = migrate({ databaseUrl: url, dir, patience: { onWait: (line) => waits.push(line) } }).finally(
      () => {
        isOver = true
      },
    )
    for (let round = 0; round < 3 || waits.length < 3; round += 1) {
      await Promise.all(people.map((person, index) => restoreAndSignIn(person, `birch anchor ${round}${index} tidal`)))
    }
    t.notOk(isOver, 'the migration still waits')
    t.match(waits[0], /^A table is locked by process \d+ \(pg_dump, /)
    await end()
    // Each of the five tables is locked while these requests use it.
    const [{ applied }] = await Promise.all([
      migration,
      ...people.map((person, index) => restoreAndSignIn(person, `granite harbour ${index} willow`)),
    ])
    t.equal(applied.length, tables.length)
    const answers = rekey.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request answered')
    const refused = answers.filter(({ status }) => status === 503)
    t.ok(answers.length > 50, `${answers.length} requests`)
    // A busy machine may be too slow for a few. Without slices every request is refused until the backup ends.
    t.ok(refused.length <= answers.length / 10, `${refused.length} of ${answers.length} requests were answered 503`)
  },
)
