import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { runImport, writeCustomers } from './customer-file.ts'

// npm run bench:import -- [--lines N] [--format ndjson|csv] [--kill-after SECONDS]: generates a file of customers with
// precomputed hashes and imports it. Prints time and peak memory, which it reads from Linux's /proc.

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
    await writeCustomers(path, lines, format)
    const killAfter = values['kill-after']
    if (killAfter) {
      await runImport(path, databaseUrl, Number(killAfter) * 1_000)
      console.log(`Killed after ${killAfter} s.`)
    }
    const { seconds, peak, code } = await runImport(path, databaseUrl)
    console.log(`${seconds.toFixed(1)} s, at most ${peak} MiB resident, exit code ${code}`)
  } finally {
    await postgres.stop()
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
