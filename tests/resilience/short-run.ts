import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { holds } from './checks/finding.ts'
import { runPhase } from './phase.ts'
import { report } from './report.ts'

/** So long that each part and each connection has its turn. */
export const shortRunMs = 24_000

/** Starting on a busy machine, two minutes for what is left over to be done, and what is read and asked at last. */
export const shortRunTimeoutMs = shortRunMs + 360_000

/**
 * Harms a system for a while and says what was found, with the seed that does the same again.
 *
 * @returns what no fault came to
 */
export const assertNothingIsLost = async (t: Test, { brokers }: { brokers: number }): Promise<string[]> => {
  const seed = randomInt(2 ** 31 - 1)
  const minutes = (2 * shortRunMs) / 60_000
  t.comment(
    `the same faults, with one NATS server and with three: npm run test:faults -- --minutes ${minutes} --seed ${seed}`,
  )
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-faults-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const phase = await runPhase(t, { seed, brokers, lengthMs: shortRunMs, customers: 6, dataDir })
  for (const finding of phase.findings) {
    const { what, proven, faults } = finding
    t.same(faults, [], `${proven} ${what}, seed ${seed}`)
    t.ok(holds(finding), `${what}: that is shown for something`)
  }
  t.comment(report([phase]))
  return [...phase.faults].filter(([, kinds]) => kinds.size === 0).map(([target]) => target)
}
