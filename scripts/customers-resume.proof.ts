import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startTestPostgres } from '@rekey/test-support/postgres'
import t from 'tap'
import { ndjson, startCustomers } from './customers/customers.fixture.ts'

const { dir, start, run, fileOf, query } = await startCustomers(t)

/** Lines of new customers; every hundredth is refused. */
const manyLines = (prefix: string, count: number) =>
  ndjson(
    ...Array.from({ length: count }, (_, index) => ({
      customer: `${prefix}${index}`,
      identifiers: [{ value: `${prefix}${index}@example.com`, verified: true }],
      ...(index % 100 === 0 && { timezone: 'Mars/Base' }),
    })),
  )
const recordsOf = async (name: string) => {
  const [row] = await query<{ records: number }>('SELECT records FROM customer_import WHERE file_name LIKE $1', [
    `%${name}`,
  ])
  return row?.records ?? 0
}
const storedOf = async (prefix: string) => {
  const [row] = await query<{ customers: number; addresses: number }>(
    `SELECT count(DISTINCT c.id)::int AS customers, count(i.id)::int AS addresses
     FROM customer c JOIN identifier i ON i.customer_id = c.id WHERE c.code ~ ('^' || $1 || '[0-9]+$')`,
    [prefix],
  )
  return row
}
const refusedLines = (path: string) =>
  readFileSync(`${path}.refused.ndjson`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).line)

t.test('an import that is killed three times loses and repeats no record', async (t) => {
  const lines = 12_000
  const path = fileOf('killed.ndjson', manyLines('KILL', lines))
  let before = 0
  for (let round = 0; round < 3; round += 1) {
    const { child, end } = start(['import', path])
    await eventually(async () => (await recordsOf('killed.ndjson')) > before, { what: 'a batch', timeoutMs: 60_000 })
    child.kill('SIGKILL')
    const { out } = await end
    if (round > 0) t.match(out, new RegExp(`Resuming .* after ${before.toLocaleString('en-GB')} records`))
    // Postgres may still carry out a commit that was sent before the kill.
    await eventually(async () => {
      const [row] = await query(
        `SELECT 1 FROM pg_stat_activity
         WHERE application_name = 'rekey-password-service' AND datname = current_database()`,
      )
      return row === undefined
    })
    before = await recordsOf('killed.ndjson')
  }
  t.ok(before > 0 && before < lines, 'the import is not finished')
  const last = await run(['import', path])
  t.match(last, {
    code: 2,
    out: /12,000 records in .*: 11,880 imported, 120 refused\.\n +120 {2}timezone unknown_timezone/,
  })
  t.same(await storedOf('KILL'), { customers: 11_880, addresses: 11_880 })
  t.same(
    refusedLines(path),
    Array.from({ length: 120 }, (_, index) => index * 100 + 1),
  )
})

t.test('Ctrl-C finishes the batch and prints how to resume', async (t) => {
  const path = fileOf('stopped.ndjson', manyLines('STOP', 12_000))
  const { child, end } = start(['import', path])
  await eventually(async () => (await recordsOf('stopped.ndjson')) > 0, { what: 'a batch', timeoutMs: 60_000 })
  child.kill('SIGINT')
  const stopped = await end
  t.match(stopped, { code: 130, err: '', out: /Interrupted\. Run the same command again to resume\./ })
  const records = await recordsOf('stopped.ndjson')
  t.equal(records % 1_000, 0)
  t.ok(records < 12_000)
  t.match(await run(['import', path]), { code: 2, out: /12,000 records in .*: 11,880 imported, 120 refused/ })
  t.same(await storedOf('STOP'), { customers: 11_880, addresses: 11_880 })
})

t.test('an outage of Postgres prints how to resume, and loses no record', async (t) => {
  const away = await startTestPostgres(join(dir, 'away'), true)
  t.teardown(() => away.stop())
  const env = { DATABASE_URL: away.url }
  const path = fileOf('away.ndjson', manyLines('AWAY', 12_000))
  const { end } = start(['import', path], env)
  const records = async () =>
    (await sql<{ records: number }>(away.url, 'SELECT records FROM customer_import'))[0]?.records
  await eventually(records, { what: 'a batch', timeoutMs: 60_000 })
  await away.server?.kill()
  const failed = await end
  t.match(failed, { code: 1, err: /^Postgres did not answer \(.*\)\. .*run the same command again to resume\.\n$/ })
  await away.server?.restart()
  t.match(await run(['import', path], env), { code: 2, out: /12,000 records in .*: 11,880 imported, 120 refused/ })
})

t.test('a line of 100 MB is refused with less than 300 MiB of memory, and the other lines are imported', async (t) => {
  const path = join(dir, 'long.ndjson')
  const file = createWriteStream(path)
  file.write(ndjson({ customer: 'LONG1' }))
  const part = Buffer.alloc(1024 * 1024, 'x')
  for (let written = 0; written < 100; written += 1) {
    if (!file.write(part)) await once(file, 'drain')
  }
  file.end(`\n${ndjson({ customer: 'LONG2' })}`)
  await finished(file)
  const { child, end } = start(['import', path])
  let peakKib = 0
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      peakKib = Math.max(peakKib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    } catch {
      // The process has ended, or this is not Linux.
    }
  }, 20)
  const { code, out } = await end
  clearInterval(watch)
  t.equal(code, 2)
  t.match(out, /3 records in .*: 2 imported, 1 refused\.\n +1 {2}too_long/)
  t.same(await query(`SELECT code FROM customer WHERE code LIKE 'LONG%' ORDER BY code`), [
    { code: 'LONG1' },
    { code: 'LONG2' },
  ])
  t.ok(peakKib < 300 * 1024, `at most ${Math.round(peakKib / 1024)} MiB`)
})
