import { setTimeout as delay } from 'node:timers/promises'

const pauseMs = 250

/** Repeats work that a failing part may interrupt until it succeeds. @throws the reason of the abort */
export const retry = async <T>(work: () => Promise<T>, stopped: AbortSignal): Promise<T> => {
  for (;;) {
    stopped.throwIfAborted()
    try {
      return await work()
    } catch {
      await delay(pauseMs, undefined, { signal: stopped })
    }
  }
}
