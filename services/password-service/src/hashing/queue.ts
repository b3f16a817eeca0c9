import { unavailable } from '@rekey/contracts'
import pLimit from 'p-limit'

/** Runs work when its turn comes. @throws RekeyError unavailable where too much waits already, or the turn comes too late */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>

interface Options {
  /** Works at a time. */
  concurrency: number
  /** Works that may wait. */
  waiting: number
  /** Milliseconds from any one moment on, never back. */
  elapsedMs(): number
}

/** Callers are answered within two seconds, or have left: a hash that starts after this is computed for nobody. */
const patienceMs = 1_200

/** So many at a time, so many waiting: a flood of passwords must not take the machine (ASVS 15.1.3, 15.2.2). */
export const createQueue = ({ concurrency, waiting, elapsedMs }: Options): Queue => {
  const limit = pLimit(concurrency)
  return async (work) => {
    if (limit.activeCount >= concurrency && limit.pendingCount >= waiting) {
      throw unavailable(new Error('the queue of password hashes is full'))
    }
    const queuedAtMs = elapsedMs()
    return limit(async () => {
      if (elapsedMs() - queuedAtMs > patienceMs)
        throw unavailable(new Error('the turn of a password hash came too late'))
      return work()
    })
  }
}
