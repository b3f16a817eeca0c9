import type { Logger } from './logger.ts'
import { pause } from './retry.ts'

interface Options {
  /** Does all work that is due, and stops early when the signal aborts. @throws if it must be retried */
  work(stopped: AbortSignal): Promise<void>
  /** Pause between two rounds unless `wake` is called. */
  pollMs: number
  /** Pauses before the first round too. */
  restsFirst?: boolean
  /** Pause after a failure: `first`, and twice as long after each further one, up to `most`. */
  backoffMs: { first: number; most: number }
  /** Log message after a failure. */
  waiting: string
  log: Logger
}

export interface Background {
  /** Starts the next round at once: there may be work. */
  wake(): void
  /** Waits for the current round to end. */
  close(): Promise<void>
}

/** Repeats work for as long as the service runs, with a pause after each round and a longer one after a failure. */
export const runInBackground = ({ work, pollMs, restsFirst = false, backoffMs, waiting, log }: Options): Background => {
  const stopped = new AbortController()
  let woken = Promise.withResolvers<void>()

  const rest = (ms: number) => {
    const ended = new AbortController()
    const rested = pause(ms, AbortSignal.any([stopped.signal, ended.signal]))
    return Promise.race([woken.promise, rested]).finally(() => ended.abort())
  }

  const loop = async () => {
    let failures = 0
    if (restsFirst) await rest(pollMs)
    while (!stopped.signal.aborted) {
      // Reset before the work: a wake during the work starts another round.
      woken = Promise.withResolvers<void>()
      try {
        await work(stopped.signal)
        failures = 0
        await rest(pollMs)
      } catch (err) {
        // Logged once for all failures in a row.
        if (failures === 0) log.event('work_failed', { err }, waiting)
        failures += 1
        // `wake` does not shorten this pause: otherwise each wake during an outage would be an attempt.
        await pause(backoffMs.first, stopped.signal)
        await rest(Math.min(backoffMs.first * 2 ** failures, backoffMs.most))
      }
    }
  }
  const running = loop()

  return {
    wake: () => woken.resolve(),
    async close() {
      stopped.abort()
      await running
    },
  }
}
