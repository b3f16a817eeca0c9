import { unavailable } from '@rekey/contracts'
import pLimit from 'p-limit'

/** Runs work when its turn comes. @throws RekeyError unavailable at once where too much waits already. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>

/** So many at a time, so many waiting: a flood of passwords must not take the machine (ASVS 15.1.3, 15.2.2). */
export const createQueue = ({ concurrency, waiting }: { concurrency: number; waiting: number }): Queue => {
  const limit = pLimit(concurrency)
  return async (work) => {
    if (limit.activeCount >= concurrency && limit.pendingCount >= waiting) {
      throw unavailable(new Error('the queue of password hashes is full'))
    }
    return limit(work)
  }
}
