import t from 'tap'
import { type Block, blocksAfter as blocksAfterScaled, blockThatLasts, wasBlocked } from './lockout.ts'

const blocksAfter = (failures: Date[], scale = 1) => blocksAfterScaled(failures, scale)

const start = new Date('2026-11-21T20:00:00Z').getTime()
const minuteMs = 60_000

const dayMs = 24 * 60 * minuteMs

/** As many wrong codes, ten at a time, a second apart; before the next ten any block is over. */
const failures = (count: number) =>
  Array.from({ length: count }, (_, index) => new Date(start + index * 1_000 + Math.floor(index / 10) * 2 * dayMs))
/** How long the last block of so many wrong codes lasts, in minutes. */
const minutesAfter = (count: number) => {
  const block = blocksAfter(failures(count)).at(-1)
  return block?.until && (block.until.getTime() - block.from.getTime()) / minuteMs
}

t.test('S6 nine wrong codes block nothing, the tenth does for ten minutes from then on', (t) => {
  t.same(blocksAfter([]), [])
  t.same(blocksAfter(failures(9)), [])
  const from = new Date(start + 9_000)
  t.same(blocksAfter(failures(10)), [{ from, until: new Date(from.getTime() + 10 * minuteMs) }])
  t.same(blocksAfter(failures(19)).length, 1, 'until the twentieth there is no other')
  t.end()
})

t.test('S6 each further ten block for twice as long, for a day at most, and a hundred for good', (t) => {
  const counts = [10, 20, 30, 40, 50, 60, 70, 80, 90]
  t.same(counts.map(minutesAfter), [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440])
  t.same(blocksAfter(failures(99)).at(-1)?.until !== undefined, true)
  t.same(blocksAfter(failures(100)).at(-1), { from: new Date(start + 99_000 + 18 * dayMs), until: undefined })
  t.same(blocksAfter(failures(104)), blocksAfter(failures(100)), 'nothing comes after it')
  t.end()
})

t.test(
  'S6 wrong codes while restore is blocked count no more: they could restore nothing, had they been right',
  (t) => {
    const [block] = blocksAfter(failures(10))
    const end = block?.until?.getTime() ?? 0
    const meanwhile = Array.from({ length: 90 }, (_, index) => new Date(end - 90 + index))
    t.same(
      blocksAfter([...failures(10), ...meanwhile]),
      [block],
      'nobody is locked out for good by guessing all at once',
    )
    const nine = Array.from({ length: 9 }, () => new Date(end))
    t.same(blocksAfter([...failures(10), ...meanwhile, ...nine]), [block])
    t.equal(blocksAfter([...failures(10), ...meanwhile, ...nine, new Date(end + 1)]).length, 2)
    t.end()
  },
)

t.test('S6 a block ends at its time, and not before', (t) => {
  const ten = blocksAfter(failures(10))
  const end = start + 9_000 + 10 * minuteMs
  t.ok(blockThatLasts(ten, new Date(end - 1)))
  t.notOk(blockThatLasts(ten, new Date(end)))
  t.ok(
    blockThatLasts(blocksAfter(failures(100)), new Date(start + 10 * 365 * 24 * 60 * minuteMs)),
    'the last one never does',
  )
  t.end()
})

t.test('S6 a second is within a block from the one of the wrong code on, until its end', (t) => {
  const ten = blocksAfter(failures(10))
  const tenth = start + 9_000
  const wasBlockedAt = (blocks: Block[], time: number) => wasBlocked(blocks, new Date(time))
  t.notOk(wasBlockedAt(ten, tenth - 1))
  t.ok(wasBlockedAt(ten, tenth))
  t.ok(wasBlockedAt(ten, tenth + 599_000))
  t.notOk(wasBlockedAt(ten, tenth + 600_000))
  const later = failures(10).map((time) => new Date(time.getTime() + 86_400_000))
  t.ok(wasBlockedAt(blocksAfter([...failures(10), ...later]), tenth + 5_000), 'also where another block came after it')
  t.end()
})

t.test('wrong codes that are heard of late count at their own time', (t) => {
  const inOrder = failures(23)
  t.same(blocksAfter([...inOrder.slice(11), ...inOrder.slice(0, 11)]), blocksAfter(inOrder))
  t.end()
})

t.test('the scale of load tests makes blocks shorter, and does not end the last', (t) => {
  const from = new Date(start + 9_000)
  t.same(blocksAfter(failures(10), 1_000), [{ from, until: new Date(from.getTime() + 600) }])
  t.equal(blocksAfter(failures(100), 1_000).at(-1)?.until, undefined)
  t.end()
})
