import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { takeoverTable } from '../../scripts/docs/takeover-table.ts'
import { startCells } from './takeover/cells.ts'

// Plays the cells of "One stolen thing" in docs/security.md, which is generated from the same rows: what a customer loses.
// The rest: takeover-inside.test.ts.

const { cellsOf, notPlayed } = await startCells(t, 'takeover')

for (const { cell, check } of cellsOf('mailbox', 'phone number')) t.test(`S22, S43, S44: ${cell}`, check)
for (const { cell, check } of cellsOf('open session')) t.test(`S18, S19: ${cell}`, check)

t.test('each cell was played, and docs/security.md contains the table', async (t) => {
  t.same(notPlayed(), [])
  t.ok(readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8').includes(takeoverTable()))
})
