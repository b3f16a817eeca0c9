import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { ensureServers } from '@rekey/local-servers/servers'
import { templateDatabase } from '@rekey/test-support/postgres'
import { createStopRequest } from './start/stop-request.ts'
import { buildTap, runTap } from './test/tap.ts'

// npm test [-- PATH …]: every test, or those below the paths given. With --proofs: the proofs instead, which need time
// or a quiet machine (*.proof.ts).

const root = resolve(import.meta.dirname, '..')
const everywhere = ['services', 'packages', 'scripts', 'bench', 'deploy', 'tests', 'examples']

/** @throws TypeError naming an unknown option */
const readArguments = () => {
  const { values, positionals } = parseArgs({ options: { proofs: { type: 'boolean' } }, allowPositionals: true })
  return { proofs: values.proofs ?? false, asked: positionals.map((path) => relative(root, resolve(path)) || '.') }
}

const findTests = (paths: string[], proofs: boolean) => {
  const suffix = proofs ? 'proof' : 'test'
  const patterns = paths.map((path) => (path.endsWith('.ts') ? path : `${path.replace(/\/+$/, '')}/**/*.${suffix}.ts`))
  const exclude = (path: string) => path.includes('node_modules')
  return globSync(patterns, { cwd: root, exclude }).toSorted()
}

const { signal, release } = createStopRequest()
const scratch = mkdtempSync(join(tmpdir(), 'rekey-test-run-'))
let stop = async () => {}
try {
  const { proofs, asked } = readArguments()
  const files = findTests(asked.length ? asked : everywhere, proofs)
  if (files.length === 0) throw new Error(`no tests found in ${asked.join(', ') || root}`)

  const [postgres] = await Promise.all([
    startPostgres({ dataDir: join(scratch, 'postgres'), durable: false, signal }),
    // Tests kill, pause and restart their own servers, so containers would not do.
    ensureServers(['redis', 'nats'], { say: console.log, allowCompose: false, signal }),
    buildTap(),
  ])
  stop = postgres.stop
  await migrate({ databaseUrl: await createDatabase(postgres.url, templateDatabase) })

  const env = { ...process.env, REKEY_TEST_POSTGRES_URL: postgres.url }
  const { exitCode, passed, failed } = await runTap(files, join(scratch, 'results.tap'), { env, signal, proofs })
  process.exitCode = exitCode
  console.log(`${passed} passed, ${failed} failed`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await stop()
  rmSync(scratch, { recursive: true, force: true })
  release()
}
