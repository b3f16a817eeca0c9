import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runPhase } from './phase.ts'
import { hasFailed, report } from './report.ts'
import { readSettings } from './settings.ts'

const { seed } = readSettings([]) ?? { seed: 0 }

const runs = [
  { brokers: 1, title: 'S24 S25 nothing is lost and nobody let in while every part fails' },
  { brokers: 3, title: 'S24 S25 nothing is lost and nobody let in while the leaders of a broker cluster are killed' },
]
for (const { brokers, title } of runs) {
  t.test(title, async (t) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'rekey-faults-'))
    t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
    const phase = await runPhase(t, { seed, brokers, lengthMs: 18_000, customers: 8, dataDir })
    const isHarmed = [...phase.faults.values()].some((kinds) => kinds.has('kill'))
    t.ok(isHarmed)
    for (const { what, faults } of phase.findings) t.same(faults, [], what)
    t.comment(report([phase]))
    if (hasFailed([phase])) t.comment(`npm run test:faults -- --seed ${seed} --minutes 0.6`)
  })
}
