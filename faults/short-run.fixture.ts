import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runPhase } from './phase.ts'
import { report } from './report.ts'

const lengthMs = 18_000

/** Harms a system for a while and says what was found, with the seed that does the same again. */
export const assertNothingIsLost = async (t: Test, { brokers }: { brokers: number }) => {
  const seed = randomInt(2 ** 31 - 1)
  t.comment(`the same faults again, and as many of the other kind: npm run test:faults -- --minutes 0.6 --seed ${seed}`)
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-faults-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const phase = await runPhase(t, { seed, brokers, lengthMs, customers: 6, dataDir })
  for (const { what, proven, faults } of phase.findings) {
    t.same(faults, [], `${proven} ${what}, seed ${seed}`)
  }
  t.comment(report([phase]))
  return phase
}
