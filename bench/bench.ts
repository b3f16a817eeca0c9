import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { groups } from './groups/groups.ts'
import { createContestants, type Measured } from './harness/bench.ts'
import { startLoad } from './harness/load.ts'
import { readOptions, usage } from './options.ts'
import { contestLines, figureLine } from './report.ts'
import { writeJson } from './results.ts'

// npm run bench: see bench/README.md and bench/options.ts.

const cleanUp = async (cleanups: (() => unknown)[]) => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
}

const run = async ({
  selected,
  rounds,
  quick,
  json,
  against,
}: Extract<ReturnType<typeof readOptions>, { help: false }>) => {
  const cleanups: (() => unknown)[] = []
  const t = { teardown: (clean: () => unknown) => void cleanups.push(clean) }
  const voided: string[] = []
  const leftOut: string[] = []
  const measured: Measured['figures'] = {}
  const asked = groups.filter(({ name }) => selected.has(name))
  try {
    const load = await startLoad(t)
    const contestant = createContestants(t)
    for (const group of asked) {
      const ownCleanups: (() => unknown)[] = []
      const own = { teardown: (clean: () => unknown) => void ownCleanups.push(clean) }
      const startedMs = performance.now()
      console.log(`\n# ${group.name}: ${group.what}`)
      try {
        const { contests = [], figures } = await group.run({
          load,
          quick,
          rounds,
          against,
          contestant,
          ownContestant: createContestants(own),
          teardown: own.teardown,
          say: console.log,
          voided: (reason) => {
            voided.push(reason)
            console.log(`void: ${reason}`)
          },
          leftOut: (what) => {
            if (!leftOut.includes(what)) leftOut.push(what)
          },
        })
        for (const { title, samples } of contests) console.log(contestLines(title, samples).join('\n'))
        for (const figure of group.figures) console.log(figureLine(figure, figures[figure.name]))
        console.log(`${Math.round((performance.now() - startedMs) / 1_000)} s`)
        Object.assign(measured, figures)
      } catch (error) {
        // The figures of the other groups are worth an hour.
        voided.push(`${group.name} ended with an error`)
        console.error(error)
        process.exitCode = 1
      } finally {
        await cleanUp(ownCleanups)
      }
    }
  } finally {
    await cleanUp(cleanups)
  }
  const figures = asked.flatMap((group) => group.figures)
  if (asked.length > 1)
    console.log(['\n# All figures', ...figures.map((one) => figureLine(one, measured[one.name]))].join('\n'))
  const skipped = groups.filter(({ name, long }) => quick && long && !selected.has(name)).map(({ name }) => name)
  if (skipped.length > 0) console.log(`\nLeft out by --quick: ${skipped.join(', ')}.`)
  for (const what of leftOut) console.log(`Left out: ${what}.`)
  for (const reason of voided) console.log(`Void: ${reason}.`)
  if (json) await writeJson(json, { figures, measured, rounds, leftOut, voided })
}

/** Commands that are no figures, by their file. */
const commands: Record<string, string> = { hash: 'hash.ts', plot: 'plot.ts', cluster: 'cluster.ts' }

const [command = '', ...rest] = process.argv.slice(2)
const file = commands[command]
if (file) {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...rest], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  process.exit(code ?? 1)
}

const options = (() => {
  try {
    return readOptions(process.argv.slice(2), groups)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
})()
if (options.help) console.log(usage(groups))
else await run(options)
