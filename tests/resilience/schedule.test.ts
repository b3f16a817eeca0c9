import t from 'tap'
import { longLengths, makeLongFaults } from './long-faults.ts'
import { linkFaults, makeSchedule, processFaults, type Target } from './schedule.ts'
import { shortRunMs } from './short-run.ts'

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
    const plan = { seed, targets: many, lengthMs: shortRunMs }
    const faults = makeSchedule({ ...plan, beside: makeLongFaults(plan) })
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

t.test(
  'five minutes have pauses and drops of 3 to 65 s, most of them short, and 65 s where that is wanted',
  async (t) => {
    const lengthMs = 300_000
    for (let seed = 0; seed < 20; seed += 1) {
      const faults = makeLongFaults({
        seed,
        lengthMs,
        targets: targets.map((one, index) => ({ ...one, hasLongest: index === 1 })),
      })
      for (const kind of ['long pause', 'drop']) {
        const own = faults.filter((fault) => fault.kind === kind)
        const lengths = own.map(({ forMs }) => forMs)
        const count = (isIt: (ms: number) => boolean) => lengths.filter(isIt).length
        t.equal(
          count((ms) => ms === 65_000),
          1,
          `seed ${seed}: ${lengths}`,
        )
        t.ok(count((ms) => ms === 15_000) > 0)
        t.ok(count((ms) => ms <= 8_000) > count((ms) => ms > 8_000))
        t.ok(Math.min(...lengths) >= 3_000)
        for (const [index, { atMs, forMs }] of own.entries()) t.ok(atMs + forMs < (own[index + 1]?.atMs ?? lengthMs))
      }
      t.match(
        faults.find(({ kind, forMs }) => kind === 'long pause' && forMs === 65_000),
        { target: 'Postgres' },
      )
    }
    t.same(makeLongFaults({ ...plan, lengthMs }), makeLongFaults({ ...plan, lengthMs }))
  },
)

t.test('a short run has long faults of a few seconds', async (t) => {
  t.match(longLengths(shortRunMs), { middleMs: 2_667, longestMs: 5_333 })
  const faults = makeLongFaults({ ...plan, lengthMs: shortRunMs })
  t.ok(faults.length > 4)
  for (const { atMs, forMs } of faults) t.ok(forMs <= 5_333 && atMs + forMs <= shortRunMs)
})

t.test('other faults leave the target of a long one alone', async (t) => {
  const beside = makeLongFaults(plan)
  const faults = makeSchedule({ ...plan, beside })
  for (const { target, atMs, forMs } of faults) {
    const meets = beside.filter(
      (long) => long.target === target && atMs < long.atMs + long.forMs && long.atMs < atMs + forMs,
    )
    t.same(meets, [])
  }
})
