import { RekeyError } from '@rekey/contracts'
import pLimit from 'p-limit'
import type { Logger } from './logger.ts'
import { counter, type Metrics } from './metrics.ts'

/** More work was requested than can be done in time. Not logged as an error: it may occur many times a second. */
export class Overload extends Error {}

export interface Queue {
  /**
   * Runs work when its turn comes.
   *
   * @throws RekeyError unavailable at once if too much work waits; Retry-After states when that will be done
   */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Call before expensive preparation of work that `run` would refuse. @throws RekeyError unavailable, as `run` does */
  assertRoom(): void
  /** Works that wait for their turn. */
  waiting(): number
}

/** Gets the times of each work, in milliseconds. */
export interface WorkMetrics {
  /** Also of work that is refused because it waited too long. */
  waited(ms: number): void
  ran(ms: number): void
}

interface Options {
  /** Name of the queue in the log and in `rekey_overload_refused_total`. */
  name: string
  /** Maximum number of works that run at a time. */
  concurrency: number
  /** Maximum number of works that wait. */
  waiting: number
  /** Milliseconds since any fixed moment; never decreases. */
  elapsedMs(): number
  metrics: Metrics
  log: Logger
  measure?: WorkMetrics
}

/** Work that would wait longer is refused: an immediate refusal is better than a late answer. */
const maxWaitMs = 800
/** Callers give up after two seconds: work that would start later than this is refused. */
const latestStartMs = 1_200
/** Weight of the newest duration in the moving average. */
const weight = 0.2
/** Factor for the concurrency after a refusal downstream. */
const decrease = 0.9
const logEveryMs = 1_000

/** True if this service, or one that it called, refused because of overload. */
export const isOverload = (error: unknown): boolean => error instanceof RekeyError && error.cause instanceof Overload

/** Limits the works that run and wait, so that a flood cannot exhaust the machine (ASVS 15.1.3, 15.2.2). */
export const createQueue = ({ name, concurrency, waiting, elapsedMs, metrics, log, measure }: Options): Queue => {
  const limit = pLimit(concurrency)
  const labels = { queue: 'queues of the service' }
  const refused = counter(metrics, {
    name: 'rekey_overload_refused_total',
    help: 'Work refused because more was requested than could be done in time',
    labels,
  })
  const completed = counter(metrics, {
    name: 'rekey_work_completed_total',
    help: 'Work that a queue ran without an error',
    labels,
  })
  refused.inc({ queue: name }, 0)
  completed.inc({ queue: name }, 0)
  let meanMs = 0
  /** Works at a time that the service downstream currently accepts without overload; at most `concurrency`. */
  let width = concurrency
  let unlogged = 0
  let loggedAtMs = Number.NEGATIVE_INFINITY

  /** Expected wait of new work. */
  const waitMs = () => (limit.activeCount < width ? 0 : ((limit.pendingCount + 1) * meanMs) / width)

  const refuse = (reason: string) => {
    refused.inc({ queue: name })
    unlogged += 1
    // Logging each refusal would add load.
    if (elapsedMs() - loggedAtMs >= logEveryMs) {
      log.event('overload', { queue: name, refused: unlogged, expectedWaitMs: Math.round(waitMs()) })
      unlogged = 0
      loggedAtMs = elapsedMs()
    }
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs() / 1_000))
    return new RekeyError('unavailable', { retryAfterSeconds, cause: new Overload(reason) })
  }
  const assertRoom = () => {
    const full = limit.activeCount >= Math.floor(width) && limit.pendingCount >= waiting
    if (full || waitMs() > maxWaitMs) throw refuse(`the queue is full: ${name}`)
  }
  /** A refusal downstream costs both services: fewer works at a time then, and one more after each success. */
  const adapt = (isOverload: boolean) => {
    width = isOverload ? Math.max(1, width * decrease) : Math.min(concurrency, width + 1 / width)
  }
  const measured = async <T>(work: () => Promise<T>) => {
    const startedAtMs = elapsedMs()
    try {
      const result = await work()
      completed.inc({ queue: name })
      adapt(false)
      meanMs += (elapsedMs() - startedAtMs - meanMs) * weight
      return result
    } catch (error) {
      if (isOverload(error)) adapt(true)
      throw error
    } finally {
      measure?.ran(elapsedMs() - startedAtMs)
    }
  }
  return {
    assertRoom,
    waiting: () => limit.pendingCount,
    async run(work) {
      assertRoom()
      const queuedAtMs = elapsedMs()
      return limit(async () => {
        const waitedMs = elapsedMs() - queuedAtMs
        measure?.waited(waitedMs)
        if (waitedMs > latestStartMs) throw refuse(`waited too long: ${name}`)
        return measured(work)
      })
    },
  }
}
