import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { commentsOf, report } from './report.ts'

const root = join(import.meta.dirname, '../..')
const command = join(root, 'node_modules/.bin/tap')

/** Seconds that one file may take on a loaded machine. */
const timeoutSeconds = { test: 150, proof: 3_600 }

interface Run {
  exitCode: number
  passed: number
  failed: number
}

// tap's own report draws over itself, which only a terminal can show.
const isTerminal = process.stdout.isTTY

const run = (args: string[], { env = process.env, quiet = false, signal }: RunOptions = {}) =>
  new Promise<number>((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
    })
    const stop = () => child.kill('SIGTERM')
    signal?.addEventListener('abort', stop)
    child.once('error', reject)
    child.once('exit', (code) => {
      signal?.removeEventListener('abort', stop)
      resolve(code ?? 1)
    })
  })

interface RunOptions {
  env?: NodeJS.ProcessEnv
  quiet?: boolean
  signal?: AbortSignal
  /** The files are proofs: one at a time, and for longer. */
  proofs?: boolean
}

/**
 * tap compiles its plugins into its own package, once an install. As it comes it holds the TypeScript plugin, which
 * does not work with TypeScript 7 and which Node does not need; .taprc leaves it out, and this makes it so.
 */
export const buildTap = async () => {
  const requireFromTap = createRequire(createRequire(import.meta.url).resolve('tap/package.json'))
  const built = join(requireFromTap.resolve('@tapjs/test/package.json'), '../test-built/dist/esm/index.js')
  if (!/from ["']@tapjs\/typescript["']/.test(readFileSync(built, 'utf8'))) return
  if ((await run(['build'], { quiet: true })) !== 0) throw new Error('tap could not be built')
}

// The last line of a TAP stream as tap writes it: `# { total: 50, pass: 49, fail: 1 }`.
const count = (tap: string, what: string) => {
  const summary = tap.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  return Number(summary.match(new RegExp(`\\b${what}: (\\d+)`))?.[1] ?? 0)
}

/**
 * Runs test files, keeps their whole TAP stream in the file `results` and counts their assertions. A run that ends
 * without a result counts as one failure.
 */
export const runTap = async (files: string[], results: string, options: RunOptions): Promise<Run> => {
  const settings = [
    `--jobs=${options.proofs ? 1 : 3}`,
    `--timeout=${timeoutSeconds[options.proofs ? 'proof' : 'test']}`,
    '--disable-coverage',
    `--reporter=${isTerminal ? 'terse' : 'silent'}`,
  ]
  const exitCode = await run([...settings, `--output-file=${results}`, ...files], options)
  let tap = ''
  try {
    tap = readFileSync(results, 'utf8')
  } catch {
    // tap ended before it wrote anything.
  }
  if (!isTerminal) console.log(report(tap))
  if (options.proofs) console.log(commentsOf(tap))
  const failed = count(tap, 'fail')
  return { exitCode, passed: count(tap, 'pass'), failed: exitCode !== 0 && failed === 0 ? 1 : failed }
}
