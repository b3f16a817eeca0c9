import t from 'tap'
import {
  cellsOf,
  nameOf,
  policies,
  readStored,
  singles,
  toStored,
} from '../../scripts/docs/takeover-table.ts'
import { startTable } from './takeover/play.ts'

// Plays the thefts of one thing in "Two stolen things" of docs/security.md. takeover.proof.ts plays the pairs too.

const stored = readStored()
const { play } = await startTable(t)
const cells = cellsOf(singles)

for (const policy of policies) {
  t.test(`S53: ${policy}: each theft of one thing leads to what docs/security.md says`, async (t) => {
    const results = await play(policy, cells)
    const names = new Set(cells.filter((cell) => cell.policy === policy).map(nameOf))
    t.same(toStored(results), Object.fromEntries(Object.entries(stored).filter(([name]) => names.has(name))))
  })
}
