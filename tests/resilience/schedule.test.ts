import t from 'tap'
import { longLengths, makeLongFailures } from './long-failures.ts'
import { linkFailures, makeSchedule, processFailures, type Target } from './schedule.ts'
import { shortRunMs } from './short-run.ts'

const targets: Target[] = [
  ...['Redis', 'Postgres', 'notifier'].map((name) => ({ name, group: name, kinds: processFailures })),
  { name: 'notifier to NATS', group: 'notifier to NATS', kinds: linkFailures },
]
const plan = { seed: 7, targets, lengthMs: 60_000 }

t.test('a seed determines the failures', async (t) => {
  t.same(makeSchedule(plan), makeSchedule(plan))
  t.notSame(makeSchedule(plan), makeSchedule({ ...plan, seed: 8 }))
})

t.test('every target has every kind of failure before one repeats, and all end in time', async (t) => {
  const failures = makeSchedule(plan)
  const cards = failures.slice(0, 13).map(({ target, kind }) => `${kind} ${target}`)
  t.equal(new Set(cards).size, 13)
  for (const { atMs, forMs } of failures) t.ok(atMs + forMs <= plan.lengthMs)
})

t.test('each target has each of its kinds once, if so planned', async (t) => {
  for (let seed = 0; seed < 100; seed += 1) {
    const cards = makeSchedule({ ...plan, seed, once: true }).map(({ target, kind }) => `${kind} ${target}`)
    t.equal(cards.length, 13, `seed ${seed}`)
    t.equal(new Set(cards).size, 13, `seed ${seed}`)
  }
})

t.test('in a short run every target has a failure, before one has a second', async (t) => {
  const many = Array.from({ length: 18 }, (_, index) => ({
    name: String(index),
    group: String(index),
    kinds: index < 8 ? processFailures : linkFailures,
  }))
  for (let seed = 0; seed < 100; seed += 1) {
    const plan = { seed, targets: many, lengthMs: shortRunMs }
    const failures = makeSchedule({ ...plan, planned: makeLongFailures(plan) })
    t.equal(new Set(failures.map(({ target }) => target)).size, many.length, `seed ${seed}`)
  }
})

t.test('one target of a group fails at a time, in the given order if required', async (t) => {
  const servers = ['AUTH', 'PASSWORD'].map((name) => ({ name, group: 'NATS', kinds: processFailures, leastMs: 5_000 }))
  const failures = makeSchedule({ ...plan, targets: servers, inOrder: true })
  for (const [index, { atMs }] of failures.entries()) {
    const before = failures[index - 1]
    t.ok(!before || before.atMs + before.forMs < atMs)
  }
  t.same(
    failures.slice(0, 3).map(({ target, kind }) => `${kind} ${target}`),
    ['kill AUTH', 'kill PASSWORD', 'pause AUTH'],
  )
})

t.test(
  'five minutes have pauses and drops of 3 to 65 s, most of them short, and 65 s for marked targets',
  async (t) => {
    const lengthMs = 300_000
    for (let seed = 0; seed < 20; seed += 1) {
      const failures = makeLongFailures({
        seed,
        lengthMs,
        targets: targets.map((one, index) => ({ ...one, hasLongest: index === 1 })),
      })
      for (const kind of ['long pause', 'drop']) {
        const own = failures.filter((failure) => failure.kind === kind)
        const lengths = own.map(({ forMs }) => forMs)
        const count = (matches: (ms: number) => boolean) => lengths.filter(matches).length
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
        failures.find(({ kind, forMs }) => kind === 'long pause' && forMs === 65_000),
        { target: 'Postgres' },
      )
    }
    t.same(makeLongFailures({ ...plan, lengthMs }), makeLongFailures({ ...plan, lengthMs }))
  },
)

t.test('a short run has long failures of a few seconds', async (t) => {
  t.match(longLengths(shortRunMs), { middleMs: 2_667, longestMs: 5_333 })
  const failures = makeLongFailures({ ...plan, lengthMs: shortRunMs })
  t.ok(failures.length > 4)
  for (const { atMs, forMs } of failures) t.ok(forMs <= 5_333 && atMs + forMs <= shortRunMs)
})

t.test('other failures skip the target of a long one', async (t) => {
  const planned = makeLongFailures(plan)
  const failures = makeSchedule({ ...plan, planned })
  for (const { target, atMs, forMs } of failures) {
    const overlapping = planned.filter(
      (long) => long.target === target && atMs < long.atMs + long.forMs && long.atMs < atMs + forMs,
    )
    t.same(overlapping, [])
  }
})
