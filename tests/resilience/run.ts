import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureServers } from '@rekey/local-servers/servers'
import { withTeardown } from '@rekey/test-support/with-teardown'
import { type PhaseResult, runPhase } from './phase.ts'
import { readSettings, type Settings, usage } from './settings.ts'
import { hasFailed, summarize } from './summary.ts'

const customers = 6
const crowd = { apps: 2, recoveryCodes: 1, waiting: 4 }

/** @returns true if all checks passed */
const run = async ({ minutes, seed }: Settings): Promise<boolean> => {
  const replay = `npm run resilience -- --minutes ${minutes} --seed ${seed}`
  console.log(replay)
  await ensureServers(['redis', 'nats'], { say: console.log, allowCompose: false })
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-resilience-'))
  const phases: PhaseResult[] = []
  try {
    for (const brokers of [1, 3]) {
      const lengthMs = (minutes * 60_000) / 2
      const options = { seed, brokers, lengthMs, customers, crowd, dataDir: join(dataDir, `${brokers}-nats`) }
      phases.push(await withTeardown((t) => runPhase(t, options)))
    }
  } catch (error) {
    console.error(error)
    console.error(`The run could not be finished. Logs: ${dataDir}. Repeat it with: ${replay}`)
    return false
  }
  console.log(`\n${summarize(phases)}\n`)
  if (hasFailed(phases)) {
    console.error(`The run failed. Logs: ${dataDir}. Repeat the same failures with: ${replay}`)
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
