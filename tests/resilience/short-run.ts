import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { holds } from './checks/finding.ts'
import { runPhase } from './phase.ts'
import { summarize } from './summary.ts'

/** Long enough for a failure of each part and each connection. */
export const shortRunMs = 24_000

const customers = 4
const crowd = { apps: 2, recoveryCodes: 1, waiting: 4 }

/** Includes the start on a busy machine, two minutes for the backlog, and the checks. */
export const shortRunTimeoutMs = shortRunMs + 360_000

/**
 * Runs one system with injected failures, and asserts that every check passes. Prints the seed.
 *
 * @returns the targets without a failure
 */
export const assertNothingIsLost = async (t: Test, { brokers }: { brokers: number }): Promise<string[]> => {
  const seed = randomInt(2 ** 31 - 1)
  const minutes = (2 * shortRunMs) / 60_000
  t.comment(`repeat with one NATS server and with three: npm run resilience -- --minutes ${minutes} --seed ${seed}`)
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-resilience-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const phase = await runPhase(t, { seed, brokers, lengthMs: shortRunMs, customers, crowd, dataDir })
  for (const finding of phase.findings) {
    const { claim, checked, violations } = finding
    t.same(violations, [], `${checked} ${claim}, seed ${seed}`)
    t.ok(holds(finding), `${claim}: items were checked`)
  }
  t.comment(summarize([phase]))
  return [...phase.failures].filter(([, kinds]) => kinds.size === 0).map(([target]) => target)
}
