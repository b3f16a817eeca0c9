import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runPhase } from './phase.ts'

// The short form of injected-failures.proof.ts, which has every kind of failure for every part and connection.

/** Long enough that each part is killed once. */
const lengthMs = 15_000

t.setTimeout(lengthMs + 360_000)

t.test(
  'S24 S25 S54 S55 S58 nothing is lost and no wrong login succeeds while each part is killed and restarted',
  async (t) => {
    const seed = randomInt(2 ** 31 - 1)
    t.comment(`seed ${seed}`)
    const dataDir = mkdtempSync(join(tmpdir(), 'rekey-kills-'))
    t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
    const crowd = { apps: 1, recoveryCodes: 1, waiting: 2 }
    const options = { seed, brokers: 1, lengthMs, only: 'kill', customers: 2, crowd, dataDir } as const
    const { failures, findings } = await runPhase(t, options)
    for (const { claim, checked, violations } of findings.filter(({ isTimed }) => !isTimed)) {
      t.same(violations, [], `${claim} (${checked})`)
    }
    for (const [target, kinds] of failures) t.ok(kinds.get('kill'), `${target} was killed`)
  },
)
