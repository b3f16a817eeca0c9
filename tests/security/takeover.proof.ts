import { writeFileSync } from 'node:fs'
import t from 'tap'
import {
  type Cell,
  cellsFile,
  cellsOf,
  isGoal,
  nameOf,
  pairs,
  persons,
  policies,
  type Result,
  readStored,
  singles,
  toStored,
} from '../../scripts/docs/takeover-table.ts'
import { startTable } from './takeover/play.ts'

// Plays every cell of the takeover table of docs/security.md. takeover.test.ts plays the thefts of one thing.
// REKEY_WRITE_TAKEOVER=true writes what it saw; npm run docs then writes the page. REKEY_TAKEOVER_THINGS=mailbox,staff plays
// the thefts of these things alone.

t.setTimeout(3_000_000)

const only = process.env.REKEY_TAKEOVER_THINGS?.split(',')
const cells = cellsOf([...singles, ...pairs]).filter(({ theft }) =>
  theft.every((thing) => only?.includes(thing) ?? true),
)
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
  t.equal(single.length, (only ?? singles).length * twoMethods.length * 2)
  for (const cell of single) t.match(results.get(cell)?.outcome, /^nothing$|^waits$/, nameOf(cell))
})

t.test('S53: docs/security.md says what every theft leads to', async (t) => {
  const seen = toStored(
    new Map(cells.flatMap((cell) => [[cell, results.get(cell) ?? { outcome: 'nothing' }] as const])),
  )
  const names = new Set(cells.map(nameOf))
  const stored = readStored()
  if (process.env.REKEY_WRITE_TAKEOVER === 'true') {
    const found = cellsOf([...singles, ...pairs]).flatMap((cell) => {
      const name = nameOf(cell)
      const value = (names.has(name) ? seen : stored)[name]
      return value === undefined ? [] : [[name, value]]
    })
    writeFileSync(cellsFile, `${JSON.stringify(Object.fromEntries(found), null, 2)}\n`)
  }
  t.same(seen, Object.fromEntries(Object.entries(readStored()).filter(([name]) => names.has(name))))
})
