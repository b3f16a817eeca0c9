import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { runImport, writeCustomers } from '../customer-file.ts'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import { spreadOf } from '../harness/rounds.ts'

const lines = 200_000
/** The tables that an import fills, in the order of their references. */
const tables = ['customer', 'identifier', 'credential']

const figures = [
  {
    name: 'import-copy',
    what: `import of ${lines} customers, lines/s ÷ COPY of the same rows`,
    goal: { atLeast: 0.25 },
  },
] satisfies Figure[]

const withClient = async <T>(url: string, use: (client: pg.Client) => Promise<T>) => {
  const client = new pg.Client({ connectionString: withSettings(url) })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

export const customerImport: Group = {
  name: 'import',
  what: 'import of customers',
  figures,
  long: true,
  async run(bench: Bench) {
    // Postgres writes the copies itself, with an account that may not read other temporary folders.
    const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
    bench.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const postgres = await startPostgres({ dataDir: join(dir, 'postgres') })
    bench.teardown(() => postgres.stop())
    const fileOf = (table: string) => pg.escapeLiteral(join(dir, 'postgres/cluster', `${table}.copy`))
    let databases = 0
    const newDatabase = async () => {
      databases += 1
      const databaseUrl = await createDatabase(postgres.url, `bench_${databases}`)
      await migrate({ databaseUrl })
      return databaseUrl
    }
    const path = join(dir, 'customers.ndjson')
    await writeCustomers(path, lines, 'ndjson')

    const ratios: number[] = []
    for (let round = 0; round < bench.rounds; round += 1) {
      const imported = await newDatabase()
      const { seconds, code } = await runImport(path, imported)
      if (code !== 0) {
        bench.voided(`round ${round + 1} of import: exit code ${code}`)
        continue
      }
      await withClient(imported, async (client) => {
        for (const table of tables) await client.query(`COPY ${table} TO ${fileOf(table)}`)
      })
      const copySeconds = await withClient(await newDatabase(), async (client) => {
        const startedMs = performance.now()
        await client.query('BEGIN')
        for (const table of tables) await client.query(`COPY ${table} FROM ${fileOf(table)}`)
        await client.query('COMMIT')
        return (performance.now() - startedMs) / 1_000
      })
      bench.say(`import ${Math.round(lines / seconds)} lines/s, COPY ${Math.round(lines / copySeconds)} customers/s`)
      ratios.push(copySeconds / seconds)
    }
    return { figures: { 'import-copy': spreadOf(ratios) } }
  },
}
