import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import pg from 'pg'
import { readProcessorTime } from './processor-time.ts'

// npm run bench:import -- [--lines N] [--format ndjson|csv] [--kill-after SECONDS]: generates a file of customers with
// precomputed hashes and imports it. Prints time and peak memory, which it reads from Linux's /proc, and the time that
// Postgres takes to COPY the same rows into the emptied tables.

const hashes = [
  '$argon2id$v=19$m=19456,t=2,p=1$kTJnOtsi6g8qeu2IHlTo6A$75DBmRzKcBJ+TT8wX5CxXfiUNzgle0ALVOWYycVxpu8',
  '$2b$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi',
  '$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY',
  '$pbkdf2-sha256$i=600000$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY',
]
const timezones = ['Europe/London', 'Europe/Berlin', 'Asia/Almaty', 'UTC']

const writers = {
  header: { ndjson: '', csv: 'customer,locale,timezone,email,phone,password_hash\n' },
  line: {
    ndjson: (index: number) =>
      `${JSON.stringify({
        customer: `EN${String(index).padStart(8, '0')}`,
        locale: 'en-GB',
        timezone: timezones[index % timezones.length],
        identifiers: [
          { value: `Customer.${index}@example.com`, verified: true },
          { value: `+4477${String(index).padStart(8, '0')}`, verified: true },
        ],
        passwordHash: hashes[index % hashes.length],
      })}\n`,
    csv: (index: number) =>
      `EN${String(index).padStart(8, '0')},en-GB,${timezones[index % timezones.length]},Customer.${index}@example.com,` +
      `+4477${String(index).padStart(8, '0')},"${hashes[index % hashes.length]}"\n`,
  },
}

const writeFile = async (path: string, lines: number, format: 'ndjson' | 'csv') => {
  const file = createWriteStream(path)
  file.write(writers.header[format])
  for (let index = 0; index < lines; index += 1) {
    // Random order, as in real files: inserts in the order of an index would be faster.
    if (!file.write(writers.line[format]((index * 15_485_863) % lines))) await once(file, 'drain')
  }
  file.end()
  await finished(file)
}

/** The command of `npm run customers`, without npm: a kill of npm would not end the import. */
const command = () => {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
  return (scripts.customers as string).split(' ').slice(1)
}

/** Peak memory of a process; 0 for a zombie. */
const peakMiB = (pid: number) => {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0
  return Number(kib) / 1_024
}

/** Runs the import until it ends, or kills it after this time. */
const runImport = (path: string, databaseUrl: string, killAfterMs?: number) =>
  new Promise<{ seconds: number; peak: number; code: number | null }>((resolve, reject) => {
    const startedMs = performance.now()
    let peak = 0
    const child = spawn(process.execPath, [...command(), 'import', path], {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, DATABASE_URL: databaseUrl },
      stdio: 'inherit',
    })
    const sample = setInterval(() => {
      try {
        peak = Math.max(peak, peakMiB(child.pid ?? 0))
      } catch {
        // The process has ended.
      }
    }, 100)
    const kill = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.once('error', reject)
    child.once('exit', (code) => {
      clearInterval(sample)
      clearTimeout(kill)
      resolve({ seconds: (performance.now() - startedMs) / 1_000, peak: Math.round(peak), code })
    })
  })

const tables = ['customer', 'identifier', 'credential']

const query = async (databaseUrl: string, statements: string[]) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Processor time of Postgres during the work, in microseconds a line. */
const withPostgresTime = async <T>(lines: number, work: () => Promise<T>) => {
  const postgresTime = () => readProcessorTime().get('postgres') ?? 0
  const before = postgresTime()
  const result = await work()
  return { result, microseconds: Math.round((postgresTime() - before) / lines) }
}

/** The seconds in which Postgres copies the imported rows into the tables of another database. */
const copyRows = async (serverUrl: string, databaseUrl: string, folder: string, lines: number) => {
  const otherUrl = await createDatabase(serverUrl, 'copied')
  await migrate({ databaseUrl: otherUrl })
  const path = (table: string) => join(folder, `${table}.copy`)
  await query(
    databaseUrl,
    tables.map((table) => `COPY ${table} TO '${path(table)}'`),
  )
  return withPostgresTime(lines, async () => {
    const startedMs = performance.now()
    await query(
      otherUrl,
      tables.map((table) => `COPY ${table} FROM '${path(table)}'`),
    )
    return (performance.now() - startedMs) / 1_000
  })
}

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '1000000' },
    format: { type: 'string', default: 'ndjson' },
    'kill-after': { type: 'string' },
  },
})
const lines = Number(values.lines)
const format = values.format === 'csv' ? 'csv' : 'ndjson'
const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
try {
  const path = join(dir, `customers.${format}`)
  const postgres = await startPostgres({ dataDir: join(dir, 'postgres') })
  try {
    const databaseUrl = await createDatabase(postgres.url, 'rekey')
    await migrate({ databaseUrl })
    console.log(`Writing ${lines.toLocaleString('en-GB')} lines of ${format}.`)
    await writeFile(path, lines, format)
    const killAfter = values['kill-after']
    if (killAfter) {
      await runImport(path, databaseUrl, Number(killAfter) * 1_000)
      console.log(`Killed after ${killAfter} s.`)
    }
    const { result, microseconds } = await withPostgresTime(lines, () => runImport(path, databaseUrl))
    const { seconds, peak, code } = result
    console.log(
      `${seconds.toFixed(1)} s, at most ${peak} MiB resident, exit code ${code}, Postgres ${microseconds} µs a line`,
    )
    const copy = await copyRows(postgres.url, databaseUrl, join(dir, 'postgres', 'cluster'), lines)
    console.log(
      `COPY of the same rows: ${copy.result.toFixed(1)} s, Postgres ${copy.microseconds} µs a line; ` +
        `lines a second of the import ÷ COPY: ${(copy.result / seconds).toFixed(2)}`,
    )
  } finally {
    await postgres.stop()
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
