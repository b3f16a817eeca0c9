import { setTimeout as delay } from 'node:timers/promises'
import { counter, gauge, type Metrics } from '@rekey/platform/metrics'
import pg from 'pg'
import { sendCancelRequest } from './cancel-request.ts'

const cancelEveryMs = 1_000
/** How long a ROLLBACK waits for the statement before it. Usually the cancelled statement has ended by then. */
const rollbackTimeoutMs = 250
/** How long the pool counts a connection whose statement does not end, although the server took its cancellation. */
const countedMs = 10_000

interface Options {
  /** Most connections beside the pool's whose statements do not end. */
  limit: number
  /** Label of the metrics. */
  pool: string
  metrics?: Metrics | undefined
}

type Callback = (error: Error | null, result: unknown) => void
type Release = (error?: Error | boolean) => void
type AnyFunction = (...args: unknown[]) => unknown

/** A statement that timed out here and has not ended at the server. */
interface Abandoned {
  ended: Promise<void>
}

/** The error of `pg` for a statement that takes longer than `query_timeout`. */
const isTimeout = (error: unknown) => error instanceof Error && error.message === 'Query read timeout'

const createFigures = (metrics: Metrics, pool: string, abandoned: ReadonlySet<Abandoned>) => {
  const cancelled = counter(metrics, {
    name: 'rekey_database_cancelled_total',
    help: 'Statements that timed out at the service and were cancelled at Postgres',
    labelNames: ['pool'],
  })
  gauge(metrics, {
    name: `rekey_database_abandoned_connections`,
    help: 'Connections whose statement timed out at the service and has not ended at Postgres',
    labelNames: ['pool'],
    collect() {
      for (const [name, set] of abandonedOf.get(metrics) ?? []) this.set({ pool: name }, set.size)
    },
  })
  abandonedOf.set(metrics, (abandonedOf.get(metrics) ?? new Map()).set(pool, abandoned))
  return cancelled
}

/** The pools of each registry: they share one gauge. */
const abandonedOf = new WeakMap<Metrics, Map<string, ReadonlySet<Abandoned>>>()

/**
 * Makes a client of Postgres whose statements also end at the server when they time out here. A COMMIT that waits for a
 * standby has no time-out of the server: each try of a caller would leave one more busy backend.
 *
 * The client cancels the statement each second until it ends. Until then its connection counts in the pool, which opens no
 * other one instead, so that a server that hangs has a bounded number of backends. If the server does not answer the
 * cancellation either, it is down or was replaced, and the pool connects to its successor at once.
 */
export const createCancellingClient = ({ limit, pool, metrics }: Options) => {
  const abandoned = new Set<Abandoned>()
  const uncounted = new Set<Abandoned>()
  const closed = new AbortController()
  const cancelled = metrics && createFigures(metrics, pool, abandoned)
  const wait = (ms: number) => delay(ms, undefined, { signal: closed.signal, ref: false }).catch(() => {})

  class CancellingClient extends pg.Client {
    #abandoned: Abandoned | undefined
    #isServerAway = false
    #release: Release = () => {}

    /** The pool sets it at each checkout. */
    get release(): Release {
      return (error) => {
        const one = this.#abandoned
        if (!one) return this.#release(error)
        void this.#stayCounted(one).then(() =>
          this.#release(error ?? (this.#abandoned && new Error('the statement has not ended'))),
        )
      }
    }

    set release(release: Release) {
      this.#release = release
    }

    /** Notices time-outs of every statement, in the forms that the pool and Prisma's adapter use. */
    override query(...args: unknown[]): never {
      const query = super.query.bind(this) as AnyFunction
      const [first, ...rest] = args
      const last = rest.at(-1)
      const statement =
        this.#abandoned && typeof first === 'object' ? { ...first, query_timeout: rollbackTimeoutMs } : first
      const notice = (error: unknown) => {
        if (isTimeout(error)) this.#abandon()
      }
      if (typeof last === 'function') {
        const callback: Callback = (error, result) => {
          notice(error)
          last(error, result)
        }
        return query(statement, ...rest.slice(0, -1), callback) as never
      }
      const answer = query(statement, ...rest)
      if (answer instanceof Promise) answer.catch(notice)
      return answer as never
    }

    /** Keeps the connection open while its statement runs: its end tells that the backend is free. */
    override end(callback?: (error: Error) => void): Promise<void> {
      const end = super.end.bind(this) as AnyFunction
      const one = this.#abandoned
      if (!one || this.#isServerAway || closed.signal.aborted) return end(callback) as Promise<void>
      void Promise.race([one.ended, aborted(closed.signal)]).then(() => end(() => {}))
      ;(callback as (() => void) | undefined)?.()
      return Promise.resolve()
    }

    #abandon(): void {
      if (this.#abandoned) return
      const ended = new Promise<void>((resolve) => {
        this.once('drain', resolve)
        this.once('end', resolve)
      })
      const one = { ended }
      this.#abandoned = one
      abandoned.add(one)
      cancelled?.inc({ pool })
      void ended.then(() => {
        this.#abandoned = undefined
        abandoned.delete(one)
        uncounted.delete(one)
      })
      void this.#cancelUntilEnded(one)
    }

    async #cancelUntilEnded({ ended }: Abandoned): Promise<void> {
      while (this.#abandoned && !closed.signal.aborted) {
        this.#isServerAway = !(await sendCancelRequest(this))
        if (this.#isServerAway) this.emit('away')
        await Promise.race([ended, wait(cancelEveryMs)])
      }
    }

    /** Resolves when the pool may open another connection instead of this one. */
    async #stayCounted(one: Abandoned): Promise<void> {
      const away = new Promise<void>((resolve) => this.once('away', resolve))
      const free = Promise.race([one.ended, aborted(closed.signal), ...(this.#isServerAway ? [] : [away])])
      if (this.#isServerAway) return
      await Promise.race([free, wait(countedMs)])
      while (this.#abandoned === one && !this.#isServerAway && !closed.signal.aborted && uncounted.size >= limit) {
        await Promise.race([free, wait(cancelEveryMs)])
      }
      if (this.#abandoned === one) uncounted.add(one)
    }
  }

  return {
    Client: CancellingClient as unknown as new () => pg.ClientBase,
    /** Ends the waiting: connections close at once. */
    close: () => closed.abort(),
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
