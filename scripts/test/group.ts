import { writeFileSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setCurrentTest } from './current-test.ts'
import { processorSeconds } from './processor-time.ts'
import { processorTimeComment } from './results.ts'

// Runs test files in one process, one after the other. A file's root test is a subtest with the file's path as its title.

const root = join(import.meta.dirname, '../..')
const currentTest = new URL('./current-test.ts', import.meta.url).href
const domain = new URL('./domain.ts', import.meta.url).href
/** Modules that start servers for the test file that imports them. */
const holdsServers = /[.]fixture[.]ts$|\/tests\/(security|resilience)\//
/** How long one file may take on a loaded machine. */
const fileTimeoutMs = 300_000

/**
 * Changes the variables of each Node that a test starts. tap makes it load a recorder of its modules, a sixth of the time
 * of a start: only coverage needs that, and the reporter tells by this variable that nothing is recorded. Many tests give
 * it an environment of its own: without the folder of compiled modules it would compile all TypeScript again.
 */
const startFaster = () => {
  if (process.env._TAPJS_PROCESSINFO_EXCLUDE_ !== '/./') return
  const fromTap = createRequire(createRequire(import.meta.url).resolve('tap/package.json'))
  const fromRunner = createRequire(fromTap.resolve('@tapjs/run/package.json'))
  const onSpawn = createRequire(fromRunner.resolve('@tapjs/processinfo'))('process-on-spawn') as {
    addListener(listener: (options: { env: NodeJS.ProcessEnv }) => void): void
  }
  onSpawn.addListener(({ env }) => {
    env.NODE_OPTIONS = (env.NODE_OPTIONS ?? '')
      .replaceAll(/"?--(import|loader|require)[= ]\S*processinfo\S*/g, '')
      .trim()
    const { NODE_COMPILE_CACHE } = process.env
    if (NODE_COMPILE_CACHE) env.NODE_COMPILE_CACHE ??= NODE_COMPILE_CACHE
  })
}

let index = 0

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === 'async-hook-domain') return { url: domain, shortCircuit: true }
    if (specifier === 'tap' && context.parentURL !== import.meta.url) return { url: currentTest, shortCircuit: true }
    const resolved = nextResolve(specifier, context)
    // Each file gets its own instance: the servers of the one before have stopped.
    return holdsServers.test(resolved.url) ? { ...resolved, url: `${resolved.url}?file=${index}` } : resolved
  },
})

// Imported after the hooks are registered: they apply to what tap imports.
const { default: t } = await import('tap')
// tap turns source maps on. Node removes types without moving a line, so that only files of libraries have maps, and
// each error would read them.
process.setSourceMapsEnabled(false)

/** Creates a file that only one process can create. */
const take = (folder: string, index: number) => {
  try {
    writeFileSync(join(folder, `${index}.taken`), '', { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Runs the files that no other process has taken.
 *
 * @param files paths relative to the repository, the same for each process
 * @param folder where the processes mark what they took
 */
export const runGroup = async (files: string[], folder: string): Promise<void> => {
  startFaster()
  t.setTimeout(files.length * fileTimeoutMs)
  for (const file of files) {
    index += 1
    if (!take(folder, index)) continue
    const before = processorSeconds()
    await t.test(file, async (t) => {
      setCurrentTest(t)
      await import(pathToFileURL(join(root, file)).href)
    })
    // After the file's teardown: its servers have ended, so their time counts.
    t.comment(`${processorTimeComment}${processorSeconds() - before}`)
  }
}
