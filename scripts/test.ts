import { join, resolve } from 'node:path'
import { createStopRequest } from './start/stop-request.ts'
import { readCoverage } from './test/coverage.ts'
import { keepDurations } from './test/durations.ts'
import { findTests, folders } from './test/files.ts'
import { unproducedEvents } from './test/log-events.ts'
import { type Options, readOptions, usage } from './test/options.ts'
import { type Batch, divideProofs, usualJobs } from './test/proofs.ts'
import { type FileResult, lineOf, slowestFiles, summarize } from './test/results.ts'
import { startShared } from './test/shared.ts'
import { runTap } from './test/tap.ts'
import { untilChanged } from './test/watch.ts'

// npm test and npm run test:proofs: see scripts/test/options.ts for what they take.

const root = resolve(import.meta.dirname, '..')

const batchesOf = (files: string[], { proofs, jobs }: Options): Batch[] =>
  proofs && jobs === undefined ? divideProofs(files) : [{ files, jobs: jobs ?? usualJobs, proofs }]

type Shared = Awaited<ReturnType<typeof startShared>>

/** @returns whether all of it passed */
const runOnce = async (options: Options, { env, eventNotes }: Shared, signal: AbortSignal) => {
  const files = findTests(options)
  const results: FileResult[] = []
  for (const batch of batchesOf(files, options)) {
    if (signal.aborted) break
    await runTap(batch.files, {
      ...options,
      jobs: batch.jobs,
      proofs: batch.proofs,
      env,
      signal,
      onResult: (result) => {
        results.push(result)
        console.log(lineOf(result))
      },
    })
  }
  keepDurations(results)
  if (options.coverage) console.log(`\n${readCoverage()}`)
  if (options.slowest) console.log(`\n${slowestFiles(results, options.slowest)}`)
  const missing = files.filter((file) => !results.some(({ path }) => path === file))
  const strict = process.env.CI === 'true'
  const { text, isGreen } = summarize(results, missing, { strict })
  const isComplete = options.paths.length === 0 && options.grep === undefined && !options.proofs && !signal.aborted
  const unproduced = isComplete ? unproducedEvents(eventNotes) : []
  for (const { line } of unproduced) console.log(line)
  console.log(text)
  return isGreen && (!strict || !unproduced.some(({ isFault }) => isFault))
}

const run = async (options: Options, signal: AbortSignal) => {
  const shared = await startShared(signal)
  try {
    for (;;) {
      process.exitCode = (await runOnce(options, shared, signal)) ? 0 : 1
      if (!options.watch || signal.aborted) return
      console.log('\nWaiting for a change. Ctrl-C ends it.')
      await untilChanged(
        folders.map((folder) => join(root, folder)),
        signal,
      )
    }
  } finally {
    await shared.stop()
  }
}

const { signal, release } = createStopRequest()
try {
  const options = readOptions(process.argv.slice(2), root)
  if (options.help) console.log(usage)
  else await run(options, signal)
} catch (error) {
  if (!signal.aborted) console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  release()
}
