import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { counter, gauge, type Metrics } from '@rekey/platform/metrics'
import { inSpan } from '@rekey/platform/trace'
import pg from 'pg'
import { sendCancelRequest } from './cancel-request.ts'
import { beginStatement, transactionSpan } from './statement-span.ts'

const cancelEveryMs = 1_000
/** How long a ROLLBACK waits for the statement before it. Usually the cancelled statement has ended by then. */
const rollbackTimeoutMs = 250
/** How long the pool counts a connection whose statement does not end, although the server took its cancellation. */
const countedMs = 10_000

type AnyFunction = (...args: unknown[]) => unknown

/** One call of the database: a query, or a transaction. */
interface DatabaseCall {
  startedMs: number
  /** How long it waited for its connection, in ms. Undefined before its first statement. */
  waitedMs?: number
}
const currentCall = new AsyncLocalStorage<DatabaseCall>()

/** A statement after a long wait still gets this long, in ms: most take a few. */
const leastStatementMs = 300

/**
 * Runs a call whose statements share a deadline with the wait for its connection: each may take `longestMs` less that
 * wait. Otherwise a caller would wait for a connection and then as long again for a statement, while Postgres hangs.
 */
export const withinOneDeadline = <T>(work: () => Promise<T>): Promise<T> =>
  // Awaited within: Prisma's promises begin when they are awaited.
  currentCall.run({ startedMs: performance.now() }, async () => await work())

/** The same for a transaction, as a span of the current trace. */
export const inTransaction = <T>(work: () => Promise<T>): Promise<T> =>
  inSpan(transactionSpan, () => withinOneDeadline(work))

/** The pool calls back in the context of the call that released the connection: its deadline is another one. */
export const keepContext = (pool: pg.Pool): void => {
  const connect = pool.connect.bind(pool) as AnyFunction
  pool.connect = ((callback?: AnyFunction) =>
    callback ? connect(AsyncResource.bind(callback)) : connect()) as typeof pool.connect
}

/** Time-out of the next statement, in ms; undefined: the usual one. */
const statementTimeoutOf = (longestMs: number | undefined, usualMs: number | undefined): number | undefined => {
  const call = currentCall.getStore()
  if (!call || longestMs === undefined || usualMs === undefined) return undefined
  call.waitedMs ??= performance.now() - call.startedMs
  const leftMs = Math.max(leastStatementMs, Math.round(longestMs - call.waitedMs))
  return leftMs < usualMs ? leftMs : undefined
}

/** The pools of this service: of requests, RPCs and events, and of background loops. */
export const pools = ['callers', 'loops'] as const
export type PoolName = (typeof pools)[number]

interface Options {
  /** Most connections beside the pool's whose statements do not end. */
  limit: number
  /** Label of the metrics. */
  pool: PoolName
  metrics?: Metrics | undefined
  /** Longest wait for a connection and a statement together, in ms; undefined: each has its own limit. */
  longestMs?: number | undefined
  /** `query_timeout` of the pool, in ms. */
  statementTimeoutMs?: number
}

type Callback = (error: Error | null, result: unknown) => void
type Release = (error?: Error | boolean) => void

/** A connection with a statement that timed out here. It is not used again: a late cancellation would end the next one. */
interface Abandoned {
  /** True if the statement has ended at the server, or the connection is closed. */
  hasEnded: boolean
  /** True if the statement has ended, its server is away, or the pool closes: nothing waits for it any more. */
  isFree: boolean
  freed: Promise<void>
  free(): void
}

const createAbandoned = (): Abandoned => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const one: Abandoned = {
    hasEnded: false,
    isFree: false,
    freed: promise,
    free() {
      one.isFree = true
      resolve()
    },
  }
  return one
}

const pause = (ms: number) => delay(ms, undefined, { ref: false })

/** The error of `pg` for a statement that takes longer than `query_timeout`. */
const isTimeout = (error: unknown) => error instanceof Error && error.message === 'Query read timeout'

const createFigures = (metrics: Metrics, pool: PoolName, abandoned: ReadonlySet<Abandoned>) => {
  const cancelled = counter(metrics, {
    name: 'rekey_database_cancelled_total',
    help: 'Statements that timed out at the service and were cancelled at Postgres',
    labels: { pool: pools },
  })
  gauge(metrics, {
    name: `rekey_database_abandoned_connections`,
    help:
      'Connections whose statement timed out at the service and has not ended at Postgres. Above 0 for more than a ' +
      'second: backends that do not react to a cancellation (a stopped process, a disk that hangs)',
    labels: { pool: pools },
    collect() {
      for (const [name, set] of abandonedOf.get(metrics) ?? []) this.set({ pool: name }, set.size)
    },
  })
  abandonedOf.set(metrics, (abandonedOf.get(metrics) ?? new Map()).set(pool, abandoned))
  return cancelled
}

/** The pools of each registry: they share one gauge. */
const abandonedOf = new WeakMap<Metrics, Map<PoolName, ReadonlySet<Abandoned>>>()

/**
 * Makes a client of Postgres whose statements also end at the server when they time out here. A COMMIT that waits for a
 * standby has no time-out of the server: each try of a caller would leave one more busy backend.
 *
 * The client cancels the statement each second until it ends. Until then its connection counts in the pool, which opens no
 * other one instead, so that a server that hangs has a bounded number of backends. If the server does not answer the
 * cancellation either, it is down or was replaced, and the pool connects to its successor at once.
 */
export const createCancellingClient = ({ limit, pool, metrics, longestMs, statementTimeoutMs }: Options) => {
  const abandoned = new Set<Abandoned>()
  const uncounted = new Set<Abandoned>()
  let isClosed = false
  const cancelled = metrics && createFigures(metrics, pool, abandoned)

  /** Resolves when the pool may open another connection instead of this one. */
  const stayCounted = async (one: Abandoned): Promise<void> => {
    await Promise.race([one.freed, pause(countedMs)])
    while (!one.isFree && uncounted.size >= limit) await Promise.race([one.freed, pause(cancelEveryMs)])
    if (!one.hasEnded) uncounted.add(one)
  }

  class CancellingClient extends pg.Client {
    #abandoned: Abandoned | undefined
    #release: Release = () => {}

    constructor(config?: string | pg.ClientConfig) {
      super(config)
      // The pool listens only while the connection is idle: without a listener a lost connection would end the process.
      this.on('error', () => {})
    }

    /** The pool sets it at each checkout. */
    get release(): Release {
      return (error) => {
        const one = this.#abandoned
        if (!one) return this.#release(error)
        void stayCounted(one).then(() => this.#release(error ?? new Error('a statement of the connection timed out')))
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
      const timeoutMs = this.#abandoned ? rollbackTimeoutMs : statementTimeoutOf(longestMs, statementTimeoutMs)
      const statement =
        timeoutMs !== undefined && typeof first === 'object' ? { ...first, query_timeout: timeoutMs } : first
      const span = beginStatement(first)
      const notice = (error: unknown) => {
        if (isTimeout(error)) this.#abandon()
        if (error) span?.fail(error)
        span?.end()
      }
      if (typeof last === 'function') {
        const callback: Callback = (error, result) => {
          notice(error)
          last(error, result)
        }
        return query(statement, ...rest.slice(0, -1), callback) as never
      }
      const answer = query(statement, ...rest)
      if (answer instanceof Promise) answer.then(() => notice(undefined), notice)
      return answer as never
    }

    /** Keeps the connection open while its statement runs: its end tells that the backend is free. */
    override end(callback?: (error: Error) => void): Promise<void> {
      const end = super.end.bind(this) as AnyFunction
      const one = this.#abandoned
      if (!one || one.isFree) return end(callback) as Promise<void>
      void one.freed.then(() => end(() => {}))
      ;(callback as (() => void) | undefined)?.()
      return Promise.resolve()
    }

    #abandon(): void {
      if (this.#abandoned) return
      const one = createAbandoned()
      this.#abandoned = one
      abandoned.add(one)
      cancelled?.inc({ pool })
      const onEnd = () => {
        one.hasEnded = true
        abandoned.delete(one)
        uncounted.delete(one)
        one.free()
      }
      this.once('drain', onEnd)
      this.once('end', onEnd)
      if (isClosed) one.free()
      void this.#cancelUntilEnded(one)
    }

    async #cancelUntilEnded(one: Abandoned): Promise<void> {
      while (!one.hasEnded && !isClosed) {
        if (!(await sendCancelRequest(this))) one.free()
        if (!one.hasEnded) await pause(cancelEveryMs)
      }
    }
  }

  return {
    Client: CancellingClient as unknown as new () => pg.ClientBase,
    /** Ends the waiting: connections close at once. */
    close() {
      isClosed = true
      for (const one of abandoned) one.free()
    },
  }
}
