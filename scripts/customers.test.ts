import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { createDatabase, dropDatabase } from '@rekey/local-servers/database'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startTestPostgres } from '@rekey/test-support/postgres'
import t from 'tap'

const root = resolve(import.meta.dirname, '..')
const dir = mkdtempSync(join(tmpdir(), 'rekey-customers-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const database = await startTestPostgres(join(dir, 'postgres'), false)
t.teardown(() => database.stop())

// The command of the npm script, started directly: npm would receive the signals that a test sends.
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [, ...command] = scripts.customers.split(' ')

interface Ended {
  code: number | null
  out: string
  err: string
}

const start = (args: string[], env: Record<string, string> = {}) => {
  const child: ChildProcess = spawn(process.execPath, [...command, ...args], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: database.url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended: Ended = { code: null, out: '', err: '' }
  child.stdout?.on('data', (text) => {
    ended.out += text
  })
  child.stderr?.on('data', (text) => {
    ended.err += text
  })
  const end = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ ...ended, code })))
  t.teardown(() => child.kill('SIGKILL'))
  return { child, end }
}
const run = (args: string[], env?: Record<string, string>) => start(args, env).end

const fileOf = (name: string, content: string | Buffer) => {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}
const query = <Row extends object>(text: string, values: unknown[] = []) => sql<Row>(database.url, text, values)
const ndjson = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')

t.test('the exit code is 0 if all lines are imported, and 2 if some are refused', async (t) => {
  const good = fileOf('good.ndjson', ndjson({ customer: 'GOOD1' }, { customer: 'GOOD2' }))
  const first = await run(['import', good])
  t.match(first, { code: 0, err: '' })
  t.match(first.out, /Importing .*good\.ndjson\.\n2 records in .* s: 2 imported, 0 refused\.\n/)
  t.throws(() => statSync(`${good}.refused.ndjson`), 'without import errors no errors file is written')
  const second = await run(['import', good])
  t.match(second, { code: 0 })
  t.match(second.out, /was imported on .* UTC\. To import it again: --again\.\n2 records: 2 imported/)
  t.match(await run(['import', good, '--again']), { code: 0, out: /Importing/ })
  fileOf('good.ndjson', ndjson({ customer: 'GOOD1' }))
  t.match(await run(['import', good]), {
    code: 0,
    out: /has changed since .* when 2 records were imported: importing all of it/,
  })

  const bad = fileOf('bad.csv', 'customer,locale\nGOOD3,zz\nGOOD4,en-GB\nGOOD 5,en-GB\n')
  const refused = join(dir, 'refused-elsewhere')
  const some = await run(['import', bad, '--refused', refused])
  t.match(some, { code: 2, err: '' })
  t.match(
    some.out,
    /3 records in .*: 1 imported, 2 refused\.\n +1 {2}\w+ \w+\n +1 {2}\w+ \w+\nRefused lines, with reasons: /,
  )
  t.match(some.out, /locale unknown_locale/)
  t.match(readFileSync(refused, 'utf8'), /^\{"line":2,"customer":"GOOD3",.*\}\n\{"line":4,"reasons":.*\}\n$/)
  t.equal(statSync(refused).mode & 0o777, 0o600)
})

t.test('an unusable file is refused with a reason in one line', async (t) => {
  const typo = fileOf('typo.csv', 'customer,e-mail\nX,x@example.com\n')
  for (const [path, reason] of [
    [join(dir, 'missing.ndjson'), /missing\.ndjson cannot be read: there is no such file\./],
    [typo, /Unknown column: "e-mail"\. The first line must name the columns: /],
    [
      fileOf('customers.txt', ndjson({ customer: 'X' })),
      /--format is missing: customers\.txt does not end in \.ndjson/,
    ],
  ] as const) {
    const { code, err } = await run(['import', path])
    t.equal(code, 1, path)
    t.match(err, reason, path)
    t.equal(err.trim().split('\n').length, 1, `${path}: one line`)
  }
  t.same(await query(`SELECT 1 FROM customer_import WHERE file_name LIKE '%typo.csv'`), [], 'no import is stored')
})

t.test('a wrong command line is refused, and nothing is imported', async (t) => {
  const path = fileOf('line.ndjson', ndjson({ customer: 'LINE1' }))
  for (const args of [[], ['export', path], ['import'], ['import', path, path]]) {
    t.match(await run(args), { code: 1, err: /npm run customers -- import FILE/ })
  }
  t.match(await run(['import', path, '--format', 'xml']), { code: 1, err: /--format must be one of ndjson, csv/ })
  t.match(await run(['import', path, '--refused', path]), { code: 1, err: /--refused is the file to import/ })
  t.match(await run(['import', path, '--refused', dir]), { code: 1, err: /cannot be written/ })
  t.match(await run(['import', path, '--fast']), { code: 1, err: /--fast/ })
  t.match(await run(['--help']), { code: 0, out: /--refused FILE/ })
  t.same(await query(`SELECT 1 FROM customer WHERE code = 'LINE1'`), [])
  t.equal(readFileSync(path, 'utf8'), ndjson({ customer: 'LINE1' }))
})

t.test(
  'S36: the database URL is read from the environment or the secrets file; an error names the database without its password',
  async (t) => {
    const path = fileOf('secrets.ndjson', ndjson({ customer: 'SECRET1' }))
    const secrets = fileOf('secrets.env', `DATABASE_URL=${database.url}\n`)
    t.match(await run(['import', path], { DATABASE_URL: '', REKEY_SECRETS_FILE: secrets }), { code: 0 })
    t.match(await run(['import', path], { DATABASE_URL: '' }), { code: 1, err: /DATABASE_URL is missing\./ })
    const away = await run(['import', path], { DATABASE_URL: 'postgresql://rekey:planted-secret@127.0.0.1:1/rekey' })
    t.match(away, { code: 1, err: /^Cannot use the database 127\.0\.0\.1:1\/rekey: .*ECONNREFUSED.*\n$/ })
    t.notMatch(away.err, /planted-secret/)
    const name = 'rekey_not_migrated'
    const unmigrated = await createDatabase(database.url, name)
    t.teardown(() => dropDatabase(database.url, name))
    t.match(await run(['import', path], { DATABASE_URL: unmigrated }), {
      code: 1,
      err: /it is not migrated: run scripts/,
    })
  },
)

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
  const path = fileOf('stopped.ndjson', manyLines('STOP', 25_000))
  const { child, end } = start(['import', path])
  await eventually(async () => (await recordsOf('stopped.ndjson')) > 0, { what: 'a batch', timeoutMs: 60_000 })
  child.kill('SIGINT')
  const stopped = await end
  t.match(stopped, { code: 130, err: '', out: /Interrupted\. Run the same command again to resume\./ })
  const records = await recordsOf('stopped.ndjson')
  t.equal(records % 1_000, 0)
  t.ok(records < 25_000)
  t.match(await run(['import', path]), { code: 2, out: /25,000 records in .*: 24,750 imported, 250 refused/ })
  t.same(await storedOf('STOP'), { customers: 24_750, addresses: 24_750 })
})

t.test('an outage of Postgres prints how to resume, and loses no record', async (t) => {
  const away = await startTestPostgres(join(dir, 'away'), true)
  t.teardown(() => away.stop())
  const env = { DATABASE_URL: away.url }
  const path = fileOf('away.ndjson', manyLines('AWAY', 25_000))
  const { end } = start(['import', path], env)
  const records = async () =>
    (await sql<{ records: number }>(away.url, 'SELECT records FROM customer_import'))[0]?.records
  await eventually(records, { what: 'a batch', timeoutMs: 60_000 })
  await away.server?.kill()
  const failed = await end
  t.match(failed, { code: 1, err: /^Postgres did not answer \(.*\)\. .*run the same command again to resume\.\n$/ })
  await away.server?.restart()
  t.match(await run(['import', path], env), { code: 2, out: /25,000 records in .*: 24,750 imported, 250 refused/ })
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
