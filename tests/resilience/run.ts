import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureServers } from '@rekey/local-servers/servers'
import { type PhaseResult, runPhase } from './phase.ts'
import { hasFailed, report } from './report.ts'
import { readSettings, type Settings, usage } from './settings.ts'

const customers = 12

/** Runs a part with whatever it starts, and ends that, also where it fails. */
const withTeardown = async <T>(work: (t: { teardown(callback: () => unknown): void }) => Promise<T>): Promise<T> => {
  const callbacks: (() => unknown)[] = []
  try {
    return await work({ teardown: (callback) => callbacks.push(callback) })
  } finally {
    for (const callback of callbacks.toReversed()) await callback()
  }
}

/** @returns whether nothing was found */
const run = async ({ minutes, seed }: Settings): Promise<boolean> => {
  const replay = `npm run test:faults -- --minutes ${minutes} --seed ${seed}`
  console.log(replay)
  await ensureServers(['redis', 'nats'], { say: console.log, allowCompose: false })
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-faults-'))
  const phases: PhaseResult[] = []
  try {
    for (const brokers of [1, 3]) {
      const lengthMs = (minutes * 60_000) / 2
      const options = { seed, brokers, lengthMs, customers, dataDir: join(dataDir, `${brokers}-nats`) }
      phases.push(await withTeardown((t) => runPhase(t, options)))
    }
  } catch (error) {
    console.error(error)
    console.error(`It could not be finished. The logs are in ${dataDir}; again: ${replay}`)
    return false
  }
  console.log(`\n${report(phases)}\n`)
  if (hasFailed(phases)) {
    console.error(`It failed. The logs are in ${dataDir}; the same faults again: ${replay}`)
    return false
  }
  rmSync(dataDir, { recursive: true, force: true })
  return true
}

try {
  const settings = readSettings(process.argv.slice(2))
  if (!settings) console.log(usage)
  else if (!(await run(settings))) process.exitCode = 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
