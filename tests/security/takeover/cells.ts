import type { Teardown } from '@rekey/test-support/infrastructure'
import { startRekey } from '@rekey/test-support/rekey'
import type { Test } from 'tap'
import {
  type Column,
  columns,
  nameOf,
  type Row,
  rows,
  type Stolen,
  type Word,
} from '../../../scripts/docs/takeover-table.ts'
import { createOwners, isTold } from './owner.ts'
import { createThief } from './thief.ts'

/** Which file plays the rows: takeover.test.ts or takeover-inside.test.ts. */
const playedBy: Record<Stolen, 'takeover' | 'takeover-inside'> = {
  mailbox: 'takeover',
  'phone number': 'takeover',
  'open session': 'takeover',
  'member of staff': 'takeover-inside',
  'personal data': 'takeover-inside',
  Redis: 'takeover-inside',
}

/** Starts the product, with and without four eyes where rows need both, and plays cells on it. */
export const startCells = async (t: Teardown, file: 'takeover' | 'takeover-inside') => {
  const mine = rows.filter(({ stolen }) => playedBy[stolen] === file)
  const start = async (fourEyes: boolean) => {
    const env = { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_BACK_OFFICE_FOUR_EYES: String(fourEyes) }
    const rekey = await startRekey(t, { env })
    return { rekey, owners: createOwners(t, rekey) }
  }
  const alone = await start(false)
  const pair = mine.some(({ fourEyes }) => fourEyes) ? await start(true) : alone
  const played = new Set<string>()

  const play = async (t: Test, row: Row, column: Column) => {
    const product = row.fourEyes ? pair : alone
    const owner = await product.owners.create(row)
    const thief = await createThief(t, { ...product, row, owner })

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
    t.equal(await word(), row.cells[column])
    played.add(`${nameOf(row)}: ${column}`)
  }
  const allColumns = Object.keys(columns) as Column[]

  return {
    /** The cells of these things, each with its check. */
    cellsOf: (...stolen: Stolen[]) =>
      mine
        .filter((row) => stolen.includes(row.stolen))
        .flatMap((row) =>
          allColumns.map((column) => ({
            cell: `${nameOf(row)}: ${columns[column]}: ${row.cells[column]}`,
            check: (t: Test) => play(t, row, column),
          })),
        ),
    /** Cells of this file that no test played. */
    notPlayed: () =>
      mine
        .flatMap((row) => allColumns.map((column) => `${nameOf(row)}: ${column}`))
        .filter((cell) => !played.has(cell)),
  }
}
