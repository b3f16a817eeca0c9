import { LaterError } from '@rekey/platform/consumer'
import fc from 'fast-check'
import t from 'tap'
import { createTurns } from './turns.ts'

interface Work {
  account: string
  arrivesMs: number
}

/** Plays the broker: redelivers what has to wait, each time up to 50 ms early or late. */
const play = (works: Work[], jitter: () => number) => {
  let nowMs = 0
  const turns = createTurns({ elapsedMs: () => nowMs, lengthMs: 1_000 })
  const due = works.map((work, index) => ({ work, name: String(index), atMs: work.arrivesMs }))
  const began: Work[] = []
  let waits = 0
  for (let next = due.shift(); next; next = due.sort((a, b) => a.atMs - b.atMs).shift()) {
    nowMs = Math.max(nowMs, next.atMs)
    try {
      turns.take(next.work.account, next.name)
      began.push({ ...next.work, arrivesMs: nowMs })
    } catch (error) {
      if (!(error instanceof LaterError)) throw error
      waits += 1
      due.push({ ...next, atMs: nowMs + Math.max(0, error.afterMs + jitter()) })
    }
  }
  return { began, waits, turns, pass: (ms: number) => (nowMs += ms) }
}

const works = fc.array(
  fc.record({ account: fc.constantFrom('a', 'b', 'c'), arrivesMs: fc.integer({ min: 0, max: 5_000 }) }),
  { maxLength: 20 },
)

t.test('S12: works for an account begin at least half a turn apart, and each begins once', async (t) => {
  fc.assert(
    fc.property(works, fc.infiniteStream(fc.integer({ min: -50, max: 50 })), (works, jitters) => {
      const { began } = play(works, () => jitters.next().value ?? 0)
      const names = (all: Work[]) => all.map(({ account }) => account).sort()
      t.same(names(began), names(works))
      for (const account of ['a', 'b', 'c']) {
        const times = began.filter((work) => work.account === account).map(({ arrivesMs }) => arrivesMs)
        for (const [index, atMs] of times.slice(1).entries()) {
          if (atMs - (times[index] ?? 0) < 500) throw new Error(`two begin within ${atMs - (times[index] ?? 0)} ms`)
        }
      }
    }),
    { numRuns: 200 },
  )
})

const burst = Array.from({ length: 10 }, () => ({ account: 'a', arrivesMs: 0 }))

t.test('S12: the first work for an account begins at once, whatever waits for others', async (t) => {
  const { began } = play([...burst, { account: 'b', arrivesMs: 1 }], () => 0)
  t.equal(began.find(({ account }) => account === 'b')?.arrivesMs, 1)
  const last = Math.max(...began.map(({ arrivesMs }) => arrivesMs))
  t.ok(last >= 9_000 && last < 11_000, `ten pieces are spread over ten seconds: ${last} ms`)
})

t.test('work that waits is redelivered a few times, not again and again', async (t) => {
  const { waits } = play(burst, () => 0)
  t.ok(waits <= 2 * burst.length, `${waits} redeliveries`)
})

t.test('without a pace nothing waits', async (t) => {
  const turns = createTurns({ elapsedMs: () => 0, lengthMs: 0 })
  for (let index = 0; index < 1_000; index += 1) turns.take('a', String(index))
  t.equal(turns.size(), 1)
})

t.test('an account is forgotten once its turns are over', async (t) => {
  const { turns, pass } = play([{ account: 'a', arrivesMs: 0 }], () => 0)
  pass(60_000)
  turns.take('b', 'of b')
  t.equal(turns.size(), 1)
})

t.test('S12: work that is repeated, because it failed, keeps its turn', async (t) => {
  let nowMs = 0
  const turns = createTurns({ elapsedMs: () => nowMs, lengthMs: 1_000 })
  turns.take('a', 'first')
  nowMs += 1
  turns.take('a', 'first')
  t.throws(() => turns.take('a', 'second'), { message: 'the event has to wait' })
})
