import { eventually } from '@rekey/test-support/eventually'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'
import {
  type Column,
  columns,
  nameOf,
  type Row,
  rows,
  type Stolen,
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

const play = async (t: Test, row: Row, column: Column) => {
  const product = row.fourEyes ? pair : alone
  const owner = await product.owners.create(row)
  const thief = await createThief(t, { ...product, row, owner })
  const expected = row.cells[column]

  let word: () => Promise<Word>
  if (column === 'elsewhere') {
    await thief.beNoticed()
    word = async () => ((await thief.isNoticed()) ? 'told' : 'nothing')
  } else {
    const succeeded = await thief.moves[column]()
    word = async () => {
      if (!succeeded) return 'nothing'
      if (!(await isTold(owner))) return 'reached'
      return (await owner.isHeld()) ? 'told and held' : 'told'
    }
  }
  // Notifications are sent after the answer.
  if (expected.startsWith('told')) await eventually(async () => (await word()) === expected, { what: expected })
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
