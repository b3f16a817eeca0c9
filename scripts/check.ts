import { join, resolve } from 'node:path'
import { lintApiDocuments } from './check/api-documents.ts'
import { checkEnvExample } from './check/env-example.ts'
import { checkImports } from './check/imports.ts'
import { checkLogCalls } from './check/log-calls.ts'
import { checkMigrations } from './check/migrations.ts'
import { staleDocuments } from './docs/documents.ts'
import { checkSecurityLines } from './docs/security.ts'
import { type Result, run } from './tools/install.ts'

// npm run check: every check that does not run the product. A failure does not stop the others.

const root = resolve(import.meta.dirname, '..')

const bin = (command: string, args: string[]) => run(root, join(root, 'node_modules/.bin', command), args)

const checks: Record<string, () => Promise<Result>> = {
  biome: () => bin('biome', ['check', '--error-on-warnings', '--max-diagnostics=100']),
  types: () => bin('tsc', ['--noEmit', '-p', '.']),
  imports: async () => {
    const violations = await checkImports(root)
    return { ok: violations.length === 0, output: violations.join('\n') }
  },
  documents: async () => {
    const stale = await staleDocuments()
    return {
      ok: stale.length === 0,
      output: stale.map((name) => `${name} is out of date: run npm run docs`).join('\n'),
    }
  },
  'log calls': async () => {
    const errors = checkLogCalls(root)
    return { ok: errors.length === 0, output: errors.join('\n') }
  },
  migrations: async () => {
    const violations = checkMigrations(root)
    return { ok: violations.length === 0, output: violations.join('\n') }
  },
  'API documents': () => lintApiDocuments(root),
  'security lines': async () => {
    const errors = checkSecurityLines(root)
    return { ok: errors.length === 0, output: errors.join('\n') }
  },
  variables: async () => {
    const errors = await checkEnvExample(root)
    return { ok: errors.length === 0, output: errors.join('\n') }
  },
}

const results = await Promise.all(
  Object.entries(checks).map(async ([name, check]) => {
    const from = performance.now()
    const { ok, output } = await check()
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}  ${Math.round(performance.now() - from)} ms`)
    if (!ok) console.log(output.trim())
    return ok
  }),
)
if (results.includes(false)) process.exitCode = 1
