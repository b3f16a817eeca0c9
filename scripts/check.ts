import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { checkEnvExample } from './check/env-example.ts'
import { checkImports } from './check/imports.ts'
import { checkMigrations } from './check/migrations.ts'
import { staleDocuments } from './docs/documents.ts'
import { checkSecurityLines } from './docs/security.ts'

// npm run check: every check that does not run the product. A failure does not stop the others.

const root = resolve(import.meta.dirname, '..')

interface Result {
  ok: boolean
  output: string
}

const run = (command: string, args: string[]) =>
  new Promise<Result>((resolve, reject) => {
    const child = spawn(join(root, 'node_modules/.bin', command), args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })

const checks: Record<string, () => Promise<Result>> = {
  biome: () => run('biome', ['check', '--error-on-warnings', '--max-diagnostics=100']),
  types: () => run('tsc', ['--noEmit', '-p', '.']),
  imports: async () => {
    const violations = await checkImports(root)
    return { ok: violations.length === 0, output: violations.join('\n') }
  },
  documents: async () => {
    const stale = staleDocuments()
    return {
      ok: stale.length === 0,
      output: stale.map((name) => `${name} is out of date: run npm run docs`).join('\n'),
    }
  },
  migrations: async () => {
    const violations = checkMigrations(root)
    return { ok: violations.length === 0, output: violations.join('\n') }
  },
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
