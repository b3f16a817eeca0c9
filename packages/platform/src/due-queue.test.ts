import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { createDueQueue } from './due-queue.ts'
import { systemRandom } from './random.ts'

const pause = { shortestMs: 100, longestMs: 300, mostInHand: 1_000 }

t.test(
  'S12: no item is due before the shortest pause, and those that are due together are handed over together',
  async (t) => {
    const pausedMs: number[] = []
    let calls = 0
    const queue = createDueQueue<number>({
      pause,
      random: systemRandom,
      most: () => 1_000,
      async run(items) {
        calls += 1
        pausedMs.push(...items.map((addedMs) => performance.now() - addedMs))
      },
    })
    for (let index = 0; index < 1_000; index += 1) queue.add(performance.now())
    await eventually(() => pausedMs.length === 1_000)
    t.ok(Math.min(...pausedMs) >= pause.shortestMs, `the shortest pause was ${Math.min(...pausedMs)} ms`)
    t.ok(calls <= 20, `${calls} calls`)
  },
)

t.test('a wider grid hands over what is due within it together', async (t) => {
  const handedOver: number[] = []
  const queue = createDueQueue<number>({
    pause: { shortestMs: 50, longestMs: 250, gridMs: 200, mostInHand: 1_000 },
    random: systemRandom,
    most: () => 1_000,
    run: async (items) => void handedOver.push(items.length),
  })
  const startMs = performance.now()
  for (let index = 0; index < 1_000; index += 1) queue.add(index)
  const points = 2 + (performance.now() - startMs) / 200
  await eventually(() => handedOver.reduce((sum, count) => sum + count, 0) === 1_000)
  t.ok(handedOver.length <= points, `${handedOver.length} calls`)
})

t.test('S12: the length of a pause is random', async (t) => {
  const lengths = new Set<number>()
  for (const bytes of [0, 0x40, 0x80, 0xc0, 0xff]) {
    const startMs = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    const random = { ...systemRandom, bytes: (count: number) => Buffer.alloc(count, bytes) }
    createDueQueue<number>({ pause, random, most: () => 1, run: async () => resolve() }).add(0)
    await promise
    lengths.add(Math.floor((performance.now() - startMs) / 40))
  }
  t.ok(lengths.size > 1, `${lengths.size} lengths`)
})

t.test('a closed queue hands nothing over, and returns what waits', async (t) => {
  const queue = createDueQueue<number>({
    pause,
    random: systemRandom,
    most: () => 10,
    run: () => t.fail('called') as never,
  })
  for (let index = 0; index < 100; index += 1) queue.add(index)
  queue.addLater(100, 10)
  t.same(
    queue.close().toSorted((one, other) => one - other),
    Array.from({ length: 101 }, (_, index) => index),
  )
  t.equal(queue.add(0), false)
  t.equal(queue.addLater(0, 10), false)
})
