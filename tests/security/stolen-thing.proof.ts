import t from 'tap'
import { allCells, startCells } from './stolen-thing/cells.ts'

// Plays every cell of "One stolen thing" in docs/security.md. stolen-thing.test.ts plays a sample.

t.setTimeout(600_000)

const { cellsOf, notPlayed } = await startCells(t, allCells)

for (const { cell, check } of cellsOf('mailbox', 'phone number')) t.test(`S22, S43, S44: ${cell}`, check)
for (const { cell, check } of cellsOf('open session')) t.test(`S18, S19: ${cell}`, check)
for (const { cell, check } of cellsOf('member of staff')) t.test(`S41: ${cell}`, check)
for (const { cell, check } of cellsOf('personal data')) t.test(`S19, S22: ${cell}`, check)
for (const { cell, check } of cellsOf('Redis')) t.test(`S40: ${cell}`, check)

t.test('each cell was played', async (t) => t.same(notPlayed(), []))
