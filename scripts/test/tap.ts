import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { longestFirst } from './durations.ts'
import { type FileResult, groupName } from './results.ts'

const root = join(import.meta.dirname, '../..')
const requireHere = createRequire(import.meta.url)

/** Seconds that one file may take on a loaded machine. */
const timeoutSeconds = { test: 300, proof: 3_600 }

export interface RunOptions {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  jobs: number
  /** The files are proofs, which may take longer. */
  proofs?: boolean
  coverage?: boolean
  grep?: string | undefined
  onResult: (result: FileResult) => void
}

const startTap = (args: string[], env: NodeJS.ProcessEnv, stdio: ('ignore' | 'inherit' | 'ipc')[]) => {
  const manifest = requireHere.resolve('tap/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { tap: string } }
  return spawn(process.execPath, [join(manifest, '..', bin.tap), ...args], { cwd: root, env, stdio })
}

const exitOf = (child: ChildProcess) =>
  new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })

/**
 * Replaces a folder by a copy of itself. pnpm hard-links its files to a store that other installs use too: a build that
 * writes into them would change those installs.
 */
const detachFromStore = (folder: string) => {
  const copy = `${folder}.copy`
  rmSync(copy, { recursive: true, force: true })
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true })
  rmSync(folder, { recursive: true })
  renameSync(copy, folder)
}

/**
 * tap compiles its plugins into its own package, once after each install. By default it includes the TypeScript plugin,
 * which does not work with TypeScript 7. .taprc leaves it out, together with those that no test uses and each test would
 * load; only a build applies that.
 */
export const buildTap = async () => {
  const requireFromTap = createRequire(requireHere.resolve('tap/package.json'))
  const built = join(requireFromTap.resolve('@tapjs/test/package.json'), '../test-built')
  if (!/from ["']@tapjs\/(typescript|mock)["']/.test(readFileSync(join(built, 'dist/esm/index.js'), 'utf8'))) return
  detachFromStore(built)
  const exitCode = await exitOf(startTap(['build'], process.env, ['ignore', 'ignore', 'inherit']))
  if (exitCode !== 0) throw new Error('tap could not be built')
}

const argumentsOf = ({ jobs, proofs = false, coverage = false, grep }: RunOptions) => [
  `--jobs=${jobs}`,
  // One process holds test, services and servers: with the usual 16 MiB it collects its young objects all the time.
  '--node-arg=--max-semi-space-size=64',
  `--timeout=${timeoutSeconds[proofs ? 'proof' : 'test']}`,
  `--reporter=${join(import.meta.dirname, 'reporter.ts')}`,
  ...(grep === undefined ? [] : [`--grep=${grep}`]),
  ...(coverage ? ['--allow-incomplete-coverage', '--coverage-report=json-summary'] : ['--disable-coverage']),
]

/**
 * Writes a file for each job. It takes one test file after the other, as long as any is left, and runs it in the same
 * process: most of the processor time of a small file is the start of its process. The longest files come first, so
 * that the jobs end together.
 */
const writeGroups = (files: string[], jobs: number, folder: string): string[] => {
  mkdirSync(join(root, folder), { recursive: true })
  const runner = new URL('./group.ts', import.meta.url).href
  const text = `import { runGroup } from ${JSON.stringify(runner)}
await runGroup(${JSON.stringify(longestFirst(files))}, import.meta.dirname)
`
  return Array.from({ length: jobs }, (_, index) => {
    const path = `${folder}/${groupName}${index + 1}.mjs`
    writeFileSync(join(root, path), text)
    return path
  })
}

/** Runs test files and passes on the result of each as it ends. */
export const runTap = async (files: string[], options: RunOptions) => {
  const { proofs = false, grep, jobs } = options
  // A proof measures its own process, and `--grep` counts the levels of titles.
  const isGrouped = !proofs && grep === undefined && files.length > jobs
  // Tests of this runner run it too.
  const folder = `.tap/groups/${process.pid}-${Math.random().toString(36).slice(2)}`
  const entries = isGrouped ? writeGroups(files, jobs, folder) : files
  const child = startTap([...argumentsOf(options), ...entries], options.env, ['ignore', 'ignore', 'inherit', 'ipc'])
  child.on('message', ({ fileResult }: { fileResult?: FileResult }) => {
    // tap sends its own messages over the same channel.
    if (fileResult) options.onResult(fileResult)
  })
  const stop = () => child.kill('SIGTERM')
  options.signal.addEventListener('abort', stop)
  try {
    await exitOf(child)
  } finally {
    options.signal.removeEventListener('abort', stop)
    rmSync(join(root, folder), { recursive: true, force: true })
  }
}
