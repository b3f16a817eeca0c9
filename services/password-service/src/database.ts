import { PrismaPg } from '@prisma/adapter-pg'
import { RekeyError, unavailable } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import type { Logger } from '@rekey/platform/logger'
import { type PostgresSettings, withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { Prisma, PrismaClient } from './generated/prisma/client.ts'

export type Transaction = Prisma.TransactionClient

export interface Database {
  /**
   * Runs queries, each on its own.
   *
   * @throws RekeyError unavailable where Postgres does not answer in time. Errors of other kinds hold no values
   */
  query<T>(work: (prisma: PrismaClient) => Promise<T>): Promise<T>
  /**
   * Runs `work` in one transaction, which commits when it resolves. What it throws rolls back and passes.
   *
   * @throws RekeyError unavailable where Postgres does not answer in time; whether it committed is then unknown
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: { timeoutMs: number }): Promise<T>
  check(): Promise<unknown>
  close(): Promise<void>
}

interface Options {
  url: string
  poolSize: number
  log: Logger
  /** How long one statement may take: by default no longer than a caller waits. */
  statementTimeoutMs?: number
  /** Postgres' settings of every connection. */
  settings?: PostgresSettings
}

/**
 * For loops that must get on: relay, sweeper, jobs. Each of their statements reads a bounded number of rows in the order
 * of an index. The planner may not choose another way, which it would where its estimate is wrong: it once read and
 * sorted a whole backlog for each batch. And a loop waits longer for a statement than a caller does.
 */
export const loopOptions = {
  poolSize: 4,
  statementTimeoutMs: 6_000,
  settings: {
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
    enable_sort: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    // A plan for a batch of few rows is no place to spend time on parallel workers or on compiling.
    max_parallel_workers_per_gather: '0',
    jit: 'off',
  },
}

// Together under the two seconds in which a caller is told that Postgres is away.
const connectTimeoutMs = 1_500
const callersStatementTimeoutMs = 1_500
const transactionTimeoutMs = 3_000

/**
 * SQLSTATE of a Postgres that cannot now (its manual, appendix A): connection, conflict, resources, lock, operator or
 * timeout, and a server that is a standby.
 */
const passingState = /^((08|28|40|53|55|57)...|25006|3D000)$/
/** The same in words of Prisma, its adapter and the sockets below. */
const passingCode =
  /^(P10(01|02|08|17)|P20(24|28|34)|DatabaseNotReachable|ConnectionClosed|SocketTimeout|TlsConnectionError|E(PIPE|TIMEDOUT|CONN(REFUSED|RESET)|(HOST|NET)UNREACH|AI_AGAIN))$/
/** SQLSTATE of data that a type cannot hold. */
const dataState = /^22...$/
/** `pg` tells faults of its connections by a message alone. */
const passingMessage =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client (has encountered|was closed))/

/** What drivers throw, of which only the code may be told: messages and details hold hashes and rows (S35). */
class DatabaseFault extends Error {
  readonly code: string

  constructor(code: string) {
    super('a database operation failed')
    this.name = 'DatabaseFault'
    this.code = code
  }
}

/** Prisma's errors bring the adapter's along; a failing COMMIT throws the adapter's own. */
interface DriverError extends Error {
  code?: string
  meta?: { driverAdapterError?: DriverError }
  cause?: { originalCode?: string; kind?: string }
}

/** Data that Postgres can never hold: an event that brings it is put aside, not tried for a day. */
class DataRefused extends PermanentError {
  readonly code: string

  constructor(code: string) {
    super('the database can never hold this')
    this.name = 'DataRefused'
    this.code = code
  }
}

/** Postgres away means: not now (503). Any other fault is one of ours and stays one (500). */
const translate = (thrown: unknown): unknown => {
  if (thrown instanceof RekeyError || !(thrown instanceof Error)) return thrown
  const { name, message, code, meta } = thrown as DriverError
  const isDriver = name === 'DriverAdapterError' || name.startsWith('PrismaClient')
  const { originalCode: state, kind } = (meta?.driverAdapterError ?? (thrown as DriverError)).cause ?? {}
  const codes = [state, kind, code].filter((known) => known !== undefined)
  const fault = new DatabaseFault(codes[0] ?? name)
  if (codes.some((known) => passingState.test(known) || passingCode.test(known))) return unavailable(fault)
  if (passingMessage.test(message)) return unavailable(thrown)
  const refused = codes.find((known) => dataState.test(known))
  if (refused !== undefined) return new DataRefused(refused)
  return isDriver ? fault : thrown
}

/** Fails where a migration is missing, or a right of our role. */
const readEachTable = async (prisma: PrismaClient) => {
  for (const model of Object.values(Prisma.ModelName)) {
    const name = `${model[0]?.toLowerCase()}${model.slice(1)}` as Uncapitalize<typeof model>
    const table: { findFirst(): Promise<unknown> } = prisma[name]
    await table.findFirst()
  }
}

/** A pool of connections to Postgres that starts without the server being there and comes back by itself. */
export const openDatabase = ({
  url,
  poolSize,
  log,
  statementTimeoutMs = callersStatementTimeoutMs,
  settings = {},
}: Options): Database => {
  const pool = new pg.Pool({
    connectionString: withSettings(url, settings),
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // The same on this side of the wire: a server that stands still does not end its statements.
    query_timeout: statementTimeoutMs,
    // Whoever vanished in the middle of a transaction leaves its rows locked for this long.
    idle_in_transaction_session_timeout: 5_000,
    application_name: 'rekey-password-service',
    keepAlive: true,
  })
  // For as long as the pool lives: connections outlast its end for a moment, and an error unheard ends the process.
  pool.on('error', (err) => log.debug({ err }, 'a connection to postgres ended'))
  // A transaction that was held up on its way could not be rolled back either: whoever had its connection next would
  // commit what it left behind. Such a connection is closed, and Postgres undoes what was begun.
  pool.on('release', (_err, client) => {
    if (client.getTransactionStatus() !== 'I') void client.end()
  })
  const adapter = new PrismaPg(pool)
  const prisma = new PrismaClient({ adapter, errorFormat: 'minimal' })
  // Seen once: migrations only ever come before the code that needs them.
  let isAsExpected = false

  return {
    async query(work) {
      try {
        return await work(prisma)
      } catch (error) {
        throw translate(error)
      }
    },
    async transaction(work, { timeoutMs } = { timeoutMs: transactionTimeoutMs }) {
      try {
        return await prisma.$transaction(work, { maxWait: connectTimeoutMs, timeout: timeoutMs })
      } catch (error) {
        throw translate(error)
      }
    },
    async check() {
      if (isAsExpected) return prisma.$queryRaw`SELECT 1`
      await readEachTable(prisma)
      isAsExpected = true
    },
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}
