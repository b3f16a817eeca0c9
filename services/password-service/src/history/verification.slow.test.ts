import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase, dropDatabase } from '@rekey/local-servers/database'
import { nodeVariables } from '@rekey/local-servers/service-node'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { type ChangeRecord, digestOf, firstPreviousDigest } from './digest.ts'
import { verifyHistory } from './verification.ts'

const service = await startPasswordService(t, { privatePostgres: true })
const { http, grant, query, clock } = service
const databaseUrl = service.variables.DATABASE_URL

interface Run {
  exitCode: number
  stdout: string
  stderr: string
}

/** `npm run history -- …` with this environment and no more of ours. */
const history = (args: string[], env: Record<string, string> = { DATABASE_URL: databaseUrl }) =>
  new Promise<Run>((resolve) => {
    const script = join(import.meta.dirname, '../../../../scripts/history.ts')
    execFile(process.execPath, [script, ...args], { env: { ...nodeVariables, ...env } }, (error, stdout, stderr) =>
      resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
const verify = () => history(['verify'])

const restore = async ({ id }: { id: number }) => {
  const successToken = grant('restore', await service.restoreOf(id))
  const answer = await http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  if (answer.status !== 204) throw new Error(answer.text)
}
const customerWithChanges = async () => {
  const customer = await service.customer()
  await service.change(customer)
  await restore(customer)
  clock.advance(1_000)
  await service.change(customer)
  const rows = await query<{ id: number }>('SELECT id FROM password_change WHERE customer_id = $1 ORDER BY id', [
    customer.id,
  ])
  const [first = 0, second = 0, third = 0] = rows.map(({ id }) => id)
  return { id: customer.id, first, second, third }
}

const [one, other] = [await customerWithChanges(), await customerWithChanges()]

/** Changes the history with its trigger disabled, as the owner of the table can; restores it when the test ends. */
const tamper = async (t: Test, ...statements: string[]) => {
  await query('CREATE TABLE kept AS TABLE password_change')
  const forge = (...all: string[]) =>
    query(
      [
        'ALTER TABLE password_change DISABLE TRIGGER USER',
        ...all,
        'ALTER TABLE password_change ENABLE TRIGGER USER',
      ].join(';'),
    )
  t.teardown(() =>
    forge('DELETE FROM password_change', 'INSERT INTO password_change SELECT * FROM kept', 'DROP TABLE kept'),
  )
  await forge(...statements)
}
const commanded = new Set<string>()
/** Each flaw is reported by the command once, a process each, and otherwise by the function that the command calls. */
const isReported = async (t: Test, { id, change, flaw }: { id: number; change: number; flaw: string }) => {
  t.match(await verifyHistory(databaseUrl), { invalid: { customerId: id, changeId: change, flaw } })
  if (commanded.has(flaw)) return
  commanded.add(flaw)
  const { exitCode, stdout, stderr } = await verify()
  t.equal(exitCode, 1)
  t.equal(stdout, '')
  t.match(stderr, `Record ${change} of customer ${id} is invalid (${flaw}): `)
}

t.test('an unchanged history is valid, also with records without a hold', async (t) => {
  const { id } = await service.customer()
  const record: ChangeRecord = {
    id: 1_000_000,
    customerId: id,
    type: 'changed',
    operation: 'set',
    actor: 'back_office',
    actorId: 'backend_fin',
    clientId: 'backend_fin',
    channel: 'api',
    ip: '203.0.113.7',
    createTime: new Date('2024-02-29T12:00:00.123Z'),
  }
  await query(
    `INSERT INTO password_change (id, customer_id, type, operation, actor, actor_id, client_id, channel, ip,
       create_time, previous_digest, digest)
     VALUES ($1, $2, 'changed', 'set', 'back_office', 'backend_fin', 'backend_fin', 'api', $3, $4, $5, $6)`,
    [record.id, id, record.ip, record.createTime, firstPreviousDigest, digestOf(firstPreviousDigest, record)],
  )
  const [hold] = await query('SELECT hold_until FROM password_change WHERE id = $1', [one.second])
  t.ok(hold?.hold_until, 'one of the records started a hold')
  t.same(await verify(), { exitCode: 0, stdout: '7 records of 3 customers are valid.\n', stderr: '' })
})

t.test('a change of any column is found', async (t) => {
  const values: Record<string, string> = {
    type: "'changed'",
    operation: "'set'",
    actor: "'back_office'",
    actor_id: "'somebody'",
    client_id: "'another'",
    channel: "'phone'",
    ip: "'203.0.113.99'",
    create_time: "create_time + interval '1 millisecond'",
    hold_until: 'NULL',
    previous_digest: `'${firstPreviousDigest}'`,
    digest: 'reverse(digest)',
  }
  for (const [column, value] of Object.entries(values)) {
    await t.test(column, async (t) => {
      await tamper(t, `UPDATE password_change SET ${column} = ${value} WHERE id = ${other.second}`)
      await isReported(t, { id: other.id, change: other.second, flaw: 'digest' })
    })
  }
  await t.test('an infinite time', async (t) => {
    await tamper(t, `UPDATE password_change SET create_time = 'infinity' WHERE id = ${other.third}`)
    await isReported(t, { id: other.id, change: other.third, flaw: 'digest' })
  })
})

t.test('a changed record with a recomputed digest is found by the next record', async (t) => {
  const [row] = await query<ChangeRecord & { previousDigest: string }>(
    `SELECT id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId", client_id AS "clientId",
            channel, ip, create_time AS "createTime", hold_until AS "holdUntil", previous_digest AS "previousDigest"
     FROM password_change WHERE id = $1`,
    [other.second],
  )
  if (!row) throw new Error('no such record')
  const { previousDigest, ...record } = row
  const digest = digestOf(previousDigest, { ...record, ip: '203.0.113.99' })
  await tamper(t, `UPDATE password_change SET ip = '203.0.113.99', digest = '${digest}' WHERE id = ${other.second}`)
  await isReported(t, { id: other.id, change: other.third, flaw: 'previous digest' })
})

t.test('a deleted record is found by the next record', async (t) => {
  await tamper(t, `DELETE FROM password_change WHERE id = ${one.second}`)
  await isReported(t, { id: one.id, change: one.third, flaw: 'previous digest' })
})

t.test('a deleted first record is found', async (t) => {
  await tamper(t, `DELETE FROM password_change WHERE id = ${one.first}`)
  await isReported(t, { id: one.id, change: one.second, flaw: 'previous digest' })
})

t.test('two swapped records are found', async (t) => {
  const [a, b] = [one.first, one.second]
  await tamper(
    t,
    `UPDATE password_change SET id = -id WHERE id IN (${a}, ${b})`,
    `UPDATE password_change SET id = CASE id WHEN ${-a} THEN ${b} ELSE ${a} END WHERE id < 0`,
  )
  await isReported(t, { id: one.id, change: a, flaw: 'digest' })
})

t.test('a record that was moved to another customer is found', async (t) => {
  await tamper(t, `UPDATE password_change SET customer_id = ${one.id} WHERE id = ${other.third}`)
  await isReported(t, { id: one.id, change: other.third, flaw: 'digest' })
})

t.test('a record that is earlier than the previous one is found, also with valid digests', async (t) => {
  const [row] = await query<ChangeRecord & { digest: string }>(
    `SELECT id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId", client_id AS "clientId",
            channel, ip, create_time AS "createTime", hold_until AS "holdUntil", digest
     FROM password_change WHERE id = $1`,
    [other.third],
  )
  if (!row) throw new Error('no such record')
  const { digest: previousDigest, ...record } = row
  const late = { ...record, id: 2_000_000, createTime: new Date(record.createTime.getTime() - 60_000) }
  await tamper(
    t,
    `INSERT INTO password_change
     SELECT ${late.id}, customer_id, type, operation, actor, actor_id, client_id, channel, ip,
            '${late.createTime.toISOString()}', '${previousDigest}', '${digestOf(previousDigest, late)}', hold_until
     FROM password_change WHERE id = ${other.third}`,
  )
  await isReported(t, { id: other.id, change: late.id, flaw: 'order' })
})

t.test('the command reads DATABASE_URL from the environment or REKEY_SECRETS_FILE', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-history-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'secrets.env')
  writeFileSync(file, `DATABASE_URL=${databaseUrl}\n`)
  t.match(await history(['verify'], { REKEY_SECRETS_FILE: file }), { exitCode: 0, stdout: /^7 records/ })
  t.match(await history(['verify'], {}), { exitCode: 1, stderr: /DATABASE_URL is missing/ })
  t.match(await history(['verify'], { REKEY_SECRETS_FILE: join(dir, 'none') }), {
    exitCode: 1,
    stderr: /REKEY_SECRETS_FILE cannot be read/,
  })
})

t.test('an unusable database or a wrong command line is one line without a password', async (t) => {
  const unreachable = await history(['verify'], { DATABASE_URL: 'postgres://rekey:secret@127.0.0.1:1/none' })
  t.match(unreachable, { exitCode: 1, stderr: /^cannot reach the database 127\.0\.0\.1:1\/none: (?!.*secret).*\n$/ })
  const adminUrl = service.postgres?.url ?? ''
  const empty = await createDatabase(adminUrl, 'rekey_not_migrated')
  t.teardown(() => dropDatabase(adminUrl, 'rekey_not_migrated'))
  const notMigrated = await history(['verify'], { DATABASE_URL: empty })
  t.match(notMigrated, { exitCode: 1, stderr: /^the database \S+\/rekey_not_migrated is not migrated\n$/ })
  for (const args of [[], ['very'], ['verify', 'all']]) {
    t.match(await history(args), { exitCode: 1, stderr: /^Usage:/ })
  }
})
