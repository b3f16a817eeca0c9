import { RekeyError } from '@rekey/contracts'
import { declaredLines } from '@rekey/test-support/log-lines'
import t from 'tap'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createQueue, Overload } from './queue.ts'

/** A queue; the test sets the clock and ends the works. */
const startQueue = (sizes: { concurrency: number; waiting: number }) => {
  const lines: string[] = []
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: declaredLines(t, (line) => void lines.push(line)),
  })
  const metrics = createMetrics()
  let time = 0
  const queue = createQueue({ ...sizes, name: 'works', elapsedMs: () => time, metrics, log })
  return {
    ...queue,
    lines,
    metrics,
    elapse(ms: number) {
      time += ms
    },
    /** Starts work that runs until the returned function is called. */
    async begin() {
      const [started, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()]
      const answer = queue.run(() => {
        started.resolve()
        return ended.promise
      })
      await started.promise
      return async () => {
        ended.resolve('done')
        await answer
      }
    },
  }
}

const overloaded = { status: 'rejected', reason: { code: 'unavailable', retryAfterSeconds: Number } }

t.test('work beyond the capacity is refused at once, and the rest is done', async (t) => {
  const { run, begin, assertRoom } = startQueue({ concurrency: 1, waiting: 1 })
  const end = await begin()
  assertRoom()
  const outcomes = Promise.allSettled([run(async () => 'waited'), run(async () => 'too many')])
  t.throws(assertRoom, { code: 'unavailable', retryAfterSeconds: 1 })
  await end()
  t.match(await outcomes, [{ value: 'waited' }, overloaded])
  assertRoom()
})

t.test('work that would wait too long is refused with Retry-After, however large the capacity', async (t) => {
  const { run, begin, elapse } = startQueue({ concurrency: 1, waiting: 1_000 })
  for (let times = 0; times < 50; times += 1) {
    const end = await begin()
    elapse(300)
    await end()
  }
  const end = await begin()
  const waiting = [run(async () => 'first'), run(async () => 'second')]
  t.match(await Promise.allSettled([run(async () => 'third')]), [
    { status: 'rejected', reason: { code: 'unavailable', retryAfterSeconds: 1 } },
  ])
  await end()
  t.same(await Promise.all(waiting), ['first', 'second'])
})

t.test('work that waited longer than its caller does is not done', async (t) => {
  const { run, begin, elapse } = startQueue({ concurrency: 1, waiting: 10 })
  const end = await begin()
  const early = run(async () => 'caller gave up')
  elapse(1_000)
  const outcomes = Promise.allSettled([early, run(async () => 'caller waits')])
  elapse(300)
  await end()
  t.match(await outcomes, [overloaded, { value: 'caller waits' }])
})

t.test('refusals downstream lower the concurrency, and successes raise it again', async (t) => {
  const { run, begin, assertRoom } = startQueue({ concurrency: 10, waiting: 0 })
  const begun = async (most: number) => {
    const ends: (() => Promise<void>)[] = []
    for (; ends.length < most; ends.push(await begin())) {
      try {
        assertRoom()
      } catch {
        break
      }
    }
    for (const end of ends) await end()
    return ends.length
  }
  t.equal(await begun(20), 10)
  const refuse = async () => {
    throw new RekeyError('unavailable', { cause: new Overload('elsewhere') })
  }
  for (let times = 0; times < 50; times += 1) await t.rejects(run(refuse))
  t.equal(await begun(1), 1, 'at least one at a time')
  t.ok((await begun(20)) < 5)
  for (let times = 0; times < 100; times += 1) await begun(20)
  t.equal(await begun(20), 10)
})

t.test('each refusal of a flood is counted, and the log has one line a second', async (t) => {
  const { begin, assertRoom, elapse, lines, metrics } = startQueue({ concurrency: 1, waiting: 0 })
  const end = await begin()
  const flood = () => {
    for (let times = 0; times < 100; times += 1) t.throws(assertRoom)
  }
  flood()
  elapse(1_000)
  flood()
  await end()
  t.match(await metrics.getSingleMetricAsString('rekey_overload_refused_total'), '{queue="works"} 200')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { queue: 'works', refused: 1 },
      { queue: 'works', refused: 100 },
    ],
  )
})
