import { setTimeout as delay } from 'node:timers/promises'

/** Leaves processor time to what is tested. */
const pauseMs = 5

/**
 * Repeats the same work in several loops at once until it is stopped. `results` grows as it runs; `stop` rejects with the
 * first failure.
 */
export const keepAsking = <T>(places: number, work: (index: number) => Promise<T>) => {
  const results: T[] = []
  let running = true
  const place = async (index: number) => {
    while (running) {
      results.push(await work(index))
      await delay(pauseMs)
    }
  }
  const ended = Promise.all(Array.from({ length: places }, (_, index) => place(index)))
  // stop() reports the failure, which may be later.
  ended.catch(() => {})
  return {
    results,
    async stop(): Promise<T[]> {
      running = false
      await ended
      return results
    },
  }
}
