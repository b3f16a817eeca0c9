import { writeFileSync } from 'node:fs'
import t from 'tap'
import {
  type Cell,
  cellsFile,
  cellsOf,
  endOfWaitCells,
  isGoal,
  nameOf,
  pairs,
  persons,
  policies,
  type Result,
  readStored,
  singles,
  type Thing,
  toStored,
} from '../../scripts/docs/takeover-table.ts'
import { startTable } from './takeover/play.ts'

// Plays every cell of the takeover table of docs/security.md. takeover.test.ts plays the thefts of one thing.
// REKEY_WRITE_TAKEOVER=true writes what it saw; npm run docs then writes the page. REKEY_TAKEOVER_THINGS=mailbox,staff plays
// the thefts of these things alone.

t.setTimeout(3_000_000)

const only = process.env.REKEY_TAKEOVER_THINGS?.split(',')
const all = [...cellsOf([...singles, ...pairs]), ...endOfWaitCells]
const cells = all.filter(({ theft }) => theft.every((thing) => only?.includes(thing) ?? true))
const results = new Map<Cell, Result>()
const { play } = await startTable(t)

for (const policy of policies) {
  t.test(`S53: ${policy}: every theft of one or two things is played`, async (t) => {
    const startedMs = performance.now()
    for (const [cell, result] of await play(policy, cells)) results.set(cell, result)
    t.comment(`${policy}: ${Math.round((performance.now() - startedMs) / 1_000)} s`)
    t.same(cells.filter((cell) => cell.policy === policy && !results.has(cell)).map(nameOf), [], 'each cell was played')
  })
}

t.test('S53: with two methods, under known and two, no single thing gives a new password that gets in', async (t) => {
  const single = cells.filter(isGoal)
  const twoMethods = Object.values(persons).filter(({ length }) => length > 1)
  const thefts = singles.filter(([thing]) => only?.includes(String(thing)) ?? true)
  t.equal(single.length, thefts.length * twoMethods.length * 2)
  for (const cell of single) t.match(results.get(cell)?.outcome, /^nothing$|^waits$/, nameOf(cell))
})

t.test('S58: an early end of a wait leads to a password with two members of staff and another method', async (t) => {
  for (const cell of cells.filter(({ only }) => only)) {
    const has = (...wanted: Thing[]) => wanted.every((thing) => cell.theft.includes(thing))
    if (has('secondStaff', 'readOut') || has('secondStaff', 'mailbox', 'phone')) continue
    t.match(results.get(cell), { outcome: 'nothing' }, nameOf(cell))
  }
})

t.test('S53: docs/security.md says what every theft leads to', async (t) => {
  const seen = toStored(
    new Map(cells.flatMap((cell) => [[cell, results.get(cell) ?? { outcome: 'nothing' }] as const])),
  )
  const names = new Set(cells.map(nameOf))
  const stored = readStored()
  if (process.env.REKEY_WRITE_TAKEOVER === 'true') {
    const found = all.flatMap((cell) => {
      const name = nameOf(cell)
      const value = (names.has(name) ? seen : stored)[name]
      return value === undefined ? [] : [[name, value]]
    })
    writeFileSync(cellsFile, `${JSON.stringify(Object.fromEntries(found), null, 2)}\n`)
  }
  t.same(seen, Object.fromEntries(Object.entries(readStored()).filter(([name]) => names.has(name))))
})
