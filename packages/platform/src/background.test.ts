import { setTimeout as delay } from 'node:timers/promises'
import { declaredLines } from '@rekey/test-support/log-lines'
import t from 'tap'
import { runInBackground } from './background.ts'
import { createLogger } from './logger.ts'

const start = (work: () => Promise<void>) => {
  const lines: string[] = []
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: declaredLines(t, (line) => void lines.push(line)),
  })
  const backoffMs = { first: 100, most: 10_000 }
  const background = runInBackground({ work, pollMs: 10_000, backoffMs, waiting: 'work failed', log })
  return { background, lines }
}

t.test('wake starts the next round at once', async (t) => {
  let times = 0
  const { background } = start(async () => void times++)
  t.teardown(() => background.close())
  await delay(20)
  t.equal(times, 1)
  background.wake()
  await delay(20)
  t.equal(times, 2)
})

t.test('failing work is not repeated at every wake, and is logged once', async (t) => {
  let times = 0
  const { background, lines } = start(async () => {
    times += 1
    throw new Error('not now')
  })
  t.teardown(() => background.close())
  for (let wakes = 0; wakes < 50; wakes += 1) {
    background.wake()
    await delay(10)
  }
  t.ok(times >= 2 && times <= 12, `${times} times in half a second`)
  t.equal(lines.length, 1)
})
