import t from 'tap'
import { linkFaults, makeSchedule, processFaults, type Target } from './schedule.ts'
import { shortRunMs } from './short-run.fixture.ts'

const targets: Target[] = [
  ...['Redis', 'Postgres', 'notifier'].map((name) => ({ name, group: name, kinds: processFaults })),
  { name: 'notifier to NATS', group: 'notifier to NATS', kinds: linkFaults },
]
const plan = { seed: 7, targets, lengthMs: 60_000 }

t.test('the same seed does the same faults, another one others', async (t) => {
  t.same(makeSchedule(plan), makeSchedule(plan))
  t.notSame(makeSchedule(plan), makeSchedule({ ...plan, seed: 8 }))
})

t.test('every kind of fault comes to every target before one comes again, and all are over at the end', async (t) => {
  const faults = makeSchedule(plan)
  const cards = faults.slice(0, 13).map(({ target, kind }) => `${kind} ${target}`)
  t.equal(new Set(cards).size, 13)
  for (const { atMs, forMs } of faults) t.ok(atMs + forMs <= plan.lengthMs)
})

t.test('every target has its first fault before one has its second: all of them in a short run', async (t) => {
  const many = Array.from({ length: 18 }, (_, index) => ({
    name: String(index),
    group: String(index),
    kinds: index < 8 ? processFaults : linkFaults,
  }))
  for (let seed = 0; seed < 100; seed += 1) {
    const faults = makeSchedule({ seed, targets: many, lengthMs: shortRunMs })
    t.equal(new Set(faults.map(({ target }) => target)).size, many.length, `seed ${seed}`)
  }
})

t.test('of one group at most one is at fault at a time, and in order where that is wanted', async (t) => {
  const servers = ['AUTH', 'PASSWORD'].map((name) => ({ name, group: 'NATS', kinds: processFaults, leastMs: 5_000 }))
  const faults = makeSchedule({ ...plan, targets: servers, inOrder: true })
  for (const [index, { atMs }] of faults.entries()) {
    const before = faults[index - 1]
    t.ok(!before || before.atMs + before.forMs < atMs)
  }
  t.same(
    faults.slice(0, 3).map(({ target, kind }) => `${kind} ${target}`),
    ['kill AUTH', 'kill PASSWORD', 'pause AUTH'],
  )
})
