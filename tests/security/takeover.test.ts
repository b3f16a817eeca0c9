import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'
import {
  type Column,
  columns,
  nameOf,
  type Row,
  rows,
  type Stolen,
  takeoverTable,
  type Word,
} from '../../scripts/docs/takeover-table.ts'
import { createOwners, isTold } from './takeover/owner.ts'
import { createThief } from './takeover/thief.ts'

// Plays each cell of "One stolen thing" in docs/security.md, which is generated from the same rows.

const start = async (fourEyes: boolean) => {
  const env = { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_BACK_OFFICE_FOUR_EYES: String(fourEyes) }
  const rekey = await startRekey(t, { env })
  return { rekey, owners: createOwners(t, rekey) }
}
const [alone, pair] = [await start(false), await start(true)]

let played = 0
const play = async (t: Test, row: Row, column: Column) => {
  const product = row.fourEyes ? pair : alone
  const owner = await product.owners.create(row)
  const thief = await createThief(t, { ...product, row, owner })
  const expected = row.cells[column]

  let succeeded = false
  if (column === 'elsewhere') await thief.beNoticed()
  else succeeded = await thief.moves[column]()
  await product.owners.allHandled()

  const word = async (): Promise<Word> => {
    if (column === 'elsewhere') return (await thief.isNoticed()) ? 'told' : 'nothing'
    if (!succeeded) return 'nothing'
    if (!(await isTold(owner))) return 'reached'
    return (await owner.isHeld()) ? 'told and held' : 'told'
  }
  played += 1
  t.equal(await word(), expected)
}

const cellsOf = (...stolen: Stolen[]) =>
  rows
    .filter((row) => stolen.includes(row.stolen))
    .flatMap((row) =>
      (Object.keys(columns) as Column[]).map((column) => ({
        cell: `${nameOf(row)}: ${columns[column]}: ${row.cells[column]}`,
        check: (t: Test) => play(t, row, column),
      })),
    )

for (const { cell, check } of cellsOf('mailbox', 'phone number')) t.test(`S22, S43, S44: ${cell}`, check)
for (const { cell, check } of cellsOf('open session')) t.test(`S18, S19: ${cell}`, check)
for (const { cell, check } of cellsOf('member of staff')) t.test(`S41: ${cell}`, check)
for (const { cell, check } of cellsOf('personal data')) t.test(`S19, S22: ${cell}`, check)
for (const { cell, check } of cellsOf('Redis')) t.test(`S40: ${cell}`, check)

t.test('each cell of the table was played, and docs/security.md contains the table', async (t) => {
  t.equal(played, rows.length * Object.keys(columns).length)
  t.ok(readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8').includes(takeoverTable()))
})
