import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

// Files of customers, and their import by `npm run customers`.

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

/** Writes a file of customers with precomputed hashes of four kinds. */
export const writeCustomers = async (path: string, lines: number, format: 'ndjson' | 'csv') => {
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
export const runImport = (path: string, databaseUrl: string, killAfterMs?: number) =>
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
