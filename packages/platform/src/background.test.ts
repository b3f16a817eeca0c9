import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { runInBackground } from './background.ts'
import { createLogger } from './logger.ts'

const start = (work: () => Promise<void>) => {
  const lines: string[] = []
  const log = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })
  const backoffMs = { first: 100, most: 10_000 }
  const background = runInBackground({ work, pollMs: 10_000, backoffMs, waiting: 'it waits', log })
  return { background, lines }
}

t.test('news are dealt with at once', async (t) => {
  let times = 0
  const { background } = start(async () => void times++)
  t.teardown(() => background.close())
  await delay(20)
  t.equal(times, 1)
  background.wake()
  await delay(20)
  t.equal(times, 2)
})

t.test('what fails is not tried at every piece of news, and is told once', async (t) => {
  let times = 0
  const { background, lines } = start(async () => {
    times += 1
    throw new Error('not now')
  })
  t.teardown(() => background.close())
  for (let news = 0; news < 50; news += 1) {
    background.wake()
    await delay(10)
  }
  t.ok(times >= 2 && times <= 12, `${times} times in half a second`)
  t.equal(lines.length, 1)
})
