import t from 'tap'
import { startCells } from './takeover/cells.ts'

// Plays the cells of "One stolen thing" in docs/security.md, which is generated from the same rows: what the bank loses.
// The rest: takeover.test.ts.

const { cellsOf, notPlayed } = await startCells(t, 'takeover-inside')

for (const { cell, check } of cellsOf('member of staff')) t.test(`S41: ${cell}`, check)
for (const { cell, check } of cellsOf('personal data')) t.test(`S19, S22: ${cell}`, check)
for (const { cell, check } of cellsOf('Redis')) t.test(`S40: ${cell}`, check)

t.test('each cell was played', async (t) => t.same(notPlayed(), []))
