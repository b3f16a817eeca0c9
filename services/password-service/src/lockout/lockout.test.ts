import t from 'tap'
import { activeLockout, type Lockout, lockoutsAfter, wasLockedOut } from './lockout.ts'

const after = (failures: Date[], scale = 1) => lockoutsAfter(failures, scale)

const start = new Date('2026-11-21T20:00:00Z').getTime()
const minuteMs = 60_000

const dayMs = 24 * 60 * minuteMs

/** Times of wrong codes: ten at a time, a second apart; the next ten follow after any lockout has ended. */
const failures = (count: number) =>
  Array.from({ length: count }, (_, index) => new Date(start + index * 1_000 + Math.floor(index / 10) * 2 * dayMs))
/** Duration of the last lockout, in minutes. */
const minutesAfter = (count: number) => {
  const lockout = after(failures(count)).at(-1)
  return lockout?.until && (lockout.until.getTime() - lockout.from.getTime()) / minuteMs
}

t.test('S6: nine wrong codes lock nothing; the tenth locks for ten minutes', (t) => {
  t.same(after([]), [])
  t.same(after(failures(9)), [])
  const from = new Date(start + 9_000)
  t.same(after(failures(10)), [{ from, until: new Date(from.getTime() + 10 * minuteMs) }])
  t.same(after(failures(19)).length, 1, 'the next lockout begins with the twentieth')
  t.end()
})

t.test('S6: each lockout lasts twice as long, at most a day; the hundredth wrong code locks for good', (t) => {
  const counts = [10, 20, 30, 40, 50, 60, 70, 80, 90]
  t.same(counts.map(minutesAfter), [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440])
  t.same(after(failures(99)).at(-1)?.until !== undefined, true)
  t.same(after(failures(100)).at(-1), { from: new Date(start + 99_000 + 18 * dayMs), until: undefined })
  t.same(after(failures(104)), after(failures(100)), 'no lockout follows it')
  t.end()
})

t.test('S6: wrong codes during a lockout do not count', (t) => {
  const [lockout] = after(failures(10))
  const end = lockout?.until?.getTime() ?? 0
  const meanwhile = Array.from({ length: 90 }, (_, index) => new Date(end - 90 + index))
  t.same(after([...failures(10), ...meanwhile]), [lockout], 'a hundred guesses at once do not lock for good')
  const nine = Array.from({ length: 9 }, () => new Date(end))
  t.same(after([...failures(10), ...meanwhile, ...nine]), [lockout])
  t.equal(after([...failures(10), ...meanwhile, ...nine, new Date(end + 1)]).length, 2)
  t.end()
})

t.test('S6: a lockout is active until its end', (t) => {
  const ten = after(failures(10))
  const end = start + 9_000 + 10 * minuteMs
  t.ok(activeLockout(ten, new Date(end - 1)))
  t.notOk(activeLockout(ten, new Date(end)))
  t.ok(
    activeLockout(after(failures(100)), new Date(start + 10 * 365 * 24 * 60 * minuteMs)),
    'a permanent one stays active',
  )
  t.end()
})

t.test('S6: a time is within a lockout from the second of its wrong code until its end', (t) => {
  const ten = after(failures(10))
  const tenth = start + 9_000
  const wasLockedAt = (lockouts: Lockout[], time: number) => wasLockedOut(lockouts, new Date(time))
  t.notOk(wasLockedAt(ten, tenth - 1))
  t.ok(wasLockedAt(ten, tenth))
  t.ok(wasLockedAt(ten, tenth + 599_000))
  t.notOk(wasLockedAt(ten, tenth + 600_000))
  const later = failures(10).map((time) => new Date(time.getTime() + 86_400_000))
  t.ok(wasLockedAt(after([...failures(10), ...later]), tenth + 5_000), 'also if another lockout followed')
  t.end()
})

t.test('wrong codes that arrive late count at the time at which they were given', (t) => {
  const inOrder = failures(23)
  t.same(after([...inOrder.slice(11), ...inOrder.slice(0, 11)]), after(inOrder))
  t.end()
})

t.test('the scale for load tests shortens lockouts, except the permanent one', (t) => {
  const from = new Date(start + 9_000)
  t.same(after(failures(10), 1_000), [{ from, until: new Date(from.getTime() + 600) }])
  t.equal(after(failures(100), 1_000).at(-1)?.until, undefined)
  t.end()
})
