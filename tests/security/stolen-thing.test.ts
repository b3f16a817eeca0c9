import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stolenThingTable } from '../../scripts/docs/stolen-thing-table.ts'
import { allCells, sampleCells, startCells } from './stolen-thing/cells.ts'

// Plays a sample of "One stolen thing" in docs/security.md, which is generated from the same rows: each row, each word of
// each stolen thing, and each word of each goal. stolen-thing.proof.ts plays every cell.

const { cellsOf, notPlayed } = await startCells(t, sampleCells(allCells))

for (const { cell, check } of cellsOf('mailbox', 'phone number')) t.test(`S22, S43, S44: ${cell}`, check)
for (const { cell, check } of cellsOf('open session')) t.test(`S18, S19: ${cell}`, check)
for (const { cell, check } of cellsOf('member of staff')) t.test(`S41: ${cell}`, check)
for (const { cell, check } of cellsOf('personal data')) t.test(`S19, S22: ${cell}`, check)
for (const { cell, check } of cellsOf('Redis')) t.test(`S40: ${cell}`, check)

t.test('each cell of the sample was played, and docs/security.md contains the table', async (t) => {
  t.same(notPlayed(), [])
  t.ok(readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8').includes(stolenThingTable()))
})
