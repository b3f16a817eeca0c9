import { LaterError } from '@rekey/platform/consumer'
import fc from 'fast-check'
import t from 'tap'
import { createTurns } from './turns.ts'

interface Work {
  account: string
  arrivesMs: number
  lastsMs: number
}

/** Plays the broker: redelivers what has to wait, each time up to 50 ms early or late. */
const play = async (works: Work[], jitter: () => number) => {
  let nowMs = 0
  const turns = createTurns({ elapsedMs: () => nowMs, lengthMs: 1_000 })
  const due: { atMs: number; act(): void }[] = []
  const began: Work[] = []
  const running = new Map<string, number>()
  let most = 0
  let waits = 0
  const deliver = (work: Work) => {
    let finish = () => {}
    const working = turns.run(work.account, () => {
      began.push({ ...work, arrivesMs: nowMs })
      running.set(work.account, (running.get(work.account) ?? 0) + 1)
      most = Math.max(most, ...running.values())
      due.push({ atMs: nowMs + work.lastsMs, act: () => finish() })
      return new Promise<void>((resolve) => {
        finish = () => {
          running.set(work.account, (running.get(work.account) ?? 0) - 1)
          resolve()
        }
      })
    })
    working.catch((error: unknown) => {
      if (!(error instanceof LaterError)) throw error
      waits += 1
      due.push({ atMs: nowMs + Math.max(0, error.afterMs + jitter()), act: () => deliver(work) })
    })
  }
  for (const work of works) due.push({ atMs: work.arrivesMs, act: () => deliver(work) })
  while (due.length > 0) {
    due.sort((a, b) => a.atMs - b.atMs)
    const next = due.shift()
    nowMs = Math.max(nowMs, next?.atMs ?? 0)
    next?.act()
    // Let the effects of the work, or of its refusal, happen before the next event.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { began, most, waits, turns, pass: (ms: number) => (nowMs += ms) }
}

const works = fc.array(
  fc.record({
    account: fc.constantFrom('a', 'b', 'c'),
    arrivesMs: fc.integer({ min: 0, max: 5_000 }),
    lastsMs: fc.integer({ min: 0, max: 3_000 }),
  }),
  { maxLength: 20 },
)

t.test('S12: at most one piece of work for an account runs at a time, and each runs once', async (t) => {
  await fc.assert(
    fc.asyncProperty(works, fc.infiniteStream(fc.integer({ min: -50, max: 50 })), async (works, jitters) => {
      const { began, most } = await play(works, () => jitters.next().value ?? 0)
      if (most > 1) throw new Error(`${most} at a time`)
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

t.test('S12: the first work for an account runs at once, whatever waits for others', async (t) => {
  const burst = Array.from({ length: 10 }, () => ({ account: 'a', arrivesMs: 0, lastsMs: 10 }))
  const { began } = await play([...burst, { account: 'b', arrivesMs: 1, lastsMs: 10 }], () => 0)
  t.equal(began.find(({ account }) => account === 'b')?.arrivesMs, 1)
  const last = Math.max(...began.map(({ arrivesMs }) => arrivesMs))
  t.ok(last >= 9_000 && last < 11_000, `ten pieces are spread over ten seconds: ${last} ms`)
})

t.test('work that waits is redelivered a few times, not again and again', async (t) => {
  const burst = Array.from({ length: 10 }, () => ({ account: 'a', arrivesMs: 0, lastsMs: 10 }))
  const { waits } = await play(burst, () => 0)
  t.ok(waits <= 2 * burst.length, `${waits} redeliveries`)
})

t.test('an account is forgotten once its turns are over', async (t) => {
  const { turns, pass } = await play([{ account: 'a', arrivesMs: 0, lastsMs: 10 }], () => 0)
  pass(60_000)
  await turns.run('b', async () => {})
  t.equal(turns.size(), 1)
})

t.test('S12: work that fails gives its turn back', async (t) => {
  let nowMs = 0
  const turns = createTurns({ elapsedMs: () => nowMs, lengthMs: 1_000 })
  await t.rejects(
    turns.run('a', async () => {
      throw new Error('no database')
    }),
    { message: 'no database' },
  )
  nowMs += 1_000
  t.equal(await turns.run('a', async () => 'done'), 'done')
})
