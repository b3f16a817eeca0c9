/**
 * Does the same thing over and over in several places at once, until it is stopped. What was answered so far is in
 * `results`; `stop` rejects with the first that failed.
 */
export const keepAsking = <T>(places: number, work: (index: number) => Promise<T>) => {
  const results: T[] = []
  let running = true
  const place = async (index: number) => {
    while (running) results.push(await work(index))
  }
  const ended = Promise.all(Array.from({ length: places }, (_, index) => place(index)))
  // Told by stop(), which may come later than the failure.
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
