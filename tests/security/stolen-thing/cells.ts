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
} from '../../../scripts/docs/stolen-thing-table.ts'
import { createOwners, isTold } from './owner.ts'
import { createThief } from './thief.ts'

export interface Cell {
  row: Row
  column: Column
}

export const allCells: readonly Cell[] = rows.flatMap((row) =>
  (Object.keys(columns) as Column[]).map((column) => ({ row, column })),
)

/** What a cell shows: a row, a word of a stolen thing, a word of a goal. */
const shownBy = ({ row, column }: Cell): string[] => [
  nameOf(row),
  `${row.stolen}: ${row.cells[column]}`,
  `${column}: ${row.cells[column]}`,
]

/** Few cells that together show each row, each word of each stolen thing, and each word of each goal. */
export const sampleCells = (cells: readonly Cell[]): Cell[] => {
  const missing = new Set(cells.flatMap(shownBy))
  const newIn = (cell: Cell) => shownBy(cell).filter((fact) => missing.has(fact)).length
  const sample: Cell[] = []
  while (missing.size > 0) {
    const best = cells.reduce((best, cell) => (newIn(cell) > newIn(best) ? cell : best))
    sample.push(best)
    for (const fact of shownBy(best)) missing.delete(fact)
  }
  return sample
}

const titleOf = ({ row, column }: Cell) => `${nameOf(row)}: ${columns[column]}: ${row.cells[column]}`

/** Starts the product, with and without four eyes where rows need both, and plays cells on it. */
export const startCells = async (t: Teardown, cells: readonly Cell[]) => {
  const start = async (fourEyes: boolean) => {
    const env = { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_BACK_OFFICE_FOUR_EYES: String(fourEyes) }
    const rekey = await startRekey(t, { env })
    return { rekey, owners: createOwners(t, rekey) }
  }
  const alone = await start(false)
  const pair = cells.some(({ row }) => row.fourEyes) ? await start(true) : alone
  const played = new Set<Cell>()

  const play = async (t: Test, cell: Cell) => {
    const { row, column } = cell
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
    played.add(cell)
  }

  return {
    /** The cells of these things, each with its check. */
    cellsOf: (...stolen: Stolen[]) =>
      cells
        .filter(({ row }) => stolen.includes(row.stolen))
        .map((cell) => ({ cell: titleOf(cell), check: (t: Test) => play(t, cell) })),
    /** Cells that no test played. */
    notPlayed: () => cells.filter((cell) => !played.has(cell)).map(titleOf),
  }
}
