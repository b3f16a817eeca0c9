import { RekeyError } from '@rekey/contracts'
import pLimit from 'p-limit'
import { Counter } from 'prom-client'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** More was asked than can be done in time: no fault of any part, and many in a second. */
export class Overload extends Error {}

export interface Queue {
  /**
   * Runs work when its turn comes.
   *
   * @throws RekeyError unavailable at once where too much waits already; Retry-After says when that will be done
   */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Asked before what it costs to prepare work that would be refused. @throws RekeyError unavailable, as `run` does */
  assertRoom(): void
}

interface Options {
  /** What waits, in the log and in `rekey_overload_refused_total`. */
  name: string
  /** Works at a time. */
  concurrency: number
  /** Works that may wait. */
  waiting: number
  /** Milliseconds from any one moment on, never back. */
  elapsedMs(): number
  metrics: Metrics
  log: Logger
}

/** Nobody who is let in waits longer for a turn: a refusal at once serves better than an answer that comes too late. */
const longestWaitMs = 800
/** Callers are answered within two seconds, or have left: work that starts after this is done for nobody. */
const patienceMs = 1_200
/** How much one more duration counts in the mean. */
const weight = 0.2
/** What is left of the works at a time when one of them is refused. */
const narrowing = 0.9
const logEveryMs = 1_000

/** Whether something was refused because of more work than can be done, here or where it was asked for. */
export const isOverload = (error: unknown): boolean => error instanceof RekeyError && error.cause instanceof Overload

/** So many at a time, so many waiting: a flood must not take the machine (ASVS 15.1.3, 15.2.2). */
export const createQueue = ({ name, concurrency, waiting, elapsedMs, metrics, log }: Options): Queue => {
  const limit = pLimit(concurrency)
  const refused = new Counter({
    name: 'rekey_overload_refused_total',
    help: 'Work refused because more was asked than could be done in time',
    labelNames: ['queue'],
    registers: [metrics],
  })
  let meanMs = 0
  /** Works at a time that whoever does them has taken lately without being overloaded itself: at most `concurrency`. */
  let width = concurrency
  let untold = 0
  let toldAtMs = Number.NEGATIVE_INFINITY

  /** Until the turn of who comes now. */
  const waitMs = () => (limit.activeCount < width ? 0 : ((limit.pendingCount + 1) * meanMs) / width)

  const refuse = (reason: string) => {
    refused.inc({ queue: name })
    untold += 1
    // A line for each would be work of its own.
    if (elapsedMs() - toldAtMs >= logEveryMs) {
      log.warn({ queue: name, refused: untold, expectedWaitMs: Math.round(waitMs()) }, 'overload')
      untold = 0
      toldAtMs = elapsedMs()
    }
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs() / 1_000))
    return new RekeyError('unavailable', { retryAfterSeconds, cause: new Overload(reason) })
  }
  const assertRoom = () => {
    const full = limit.activeCount >= Math.floor(width) && limit.pendingCount >= waiting
    if (full || waitMs() > longestWaitMs) throw refuse(`too much waits: ${name}`)
  }
  /** Who is refused by whoever does the work costs both of them: fewer at a time then, and one by one more again. */
  const adapt = (isOverload: boolean) => {
    width = isOverload ? Math.max(1, width * narrowing) : Math.min(concurrency, width + 1 / width)
  }
  const measured = async <T>(work: () => Promise<T>) => {
    const startedAtMs = elapsedMs()
    try {
      const result = await work()
      adapt(false)
      meanMs += (elapsedMs() - startedAtMs - meanMs) * weight
      return result
    } catch (error) {
      if (isOverload(error)) adapt(true)
      throw error
    }
  }
  return {
    assertRoom,
    async run(work) {
      assertRoom()
      const queuedAtMs = elapsedMs()
      return limit(async () => {
        if (elapsedMs() - queuedAtMs > patienceMs) throw refuse(`the turn came too late: ${name}`)
        return measured(work)
      })
    },
  }
}
