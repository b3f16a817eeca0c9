import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from './logger.ts'

interface Options {
  /** Does all that there is to do now. Stops early where it is told to. @throws where it cannot now */
  work(stopped: AbortSignal): Promise<void>
  /** How long news may go unseen that nobody woke it for. */
  pollMs: number
  /** Rests before the first round too. */
  restsFirst?: boolean
  /** Wait after a failure: twice as long after each further one, up to `most`. */
  backoffMs: { first: number; most: number }
  /** What the log says when it cannot go on. */
  waiting: string
  log: Logger
}

export interface Background {
  /** There may be something to do. */
  wake(): void
  /** Finishes what is in hand. */
  close(): Promise<void>
}

/** Resolves after this time, or as soon as the signal says so. */
export const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal: stopped }).catch(() => {})

/** Work that goes on for as long as the service runs: done, then waited for; tried again when it failed. */
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
      // Before the work: what comes while it is done is not missed.
      woken = Promise.withResolvers<void>()
      try {
        await work(stopped.signal)
        failures = 0
        await rest(pollMs)
      } catch (err) {
        // Once for each time that it fails, not at every attempt.
        if (failures === 0) log.warn({ err }, waiting)
        failures += 1
        // What comes meanwhile wakes it too: without this each piece of news would be one more attempt at once.
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
