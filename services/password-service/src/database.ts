import { PrismaPg } from '@prisma/adapter-pg'
import { RekeyError, unavailable } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import pg from 'pg'
import { Prisma, PrismaClient } from './generated/prisma/client.ts'

export type Transaction = Prisma.TransactionClient

export interface Database {
  /**
   * Runs queries, each on its own.
   *
   * @throws RekeyError unavailable where Postgres does not answer in time
   */
  query<T>(work: (prisma: PrismaClient) => Promise<T>): Promise<T>
  /**
   * Runs `work` in one transaction, which commits when it resolves. A RekeyError that it throws rolls back and passes.
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
}

// Together under the two seconds in which a caller is told that Postgres is away.
const connectTimeoutMs = 1_500
const statementTimeoutMs = 1_500
const transactionTimeoutMs = 3_000

/** A fault of ours stays one (500). Anything else that Postgres or the way to it throws means: not now (503). */
const translate = (error: unknown): unknown => {
  if (error instanceof RekeyError || error instanceof Prisma.PrismaClientValidationError) return error
  return unavailable(error)
}

/** A pool of connections to Postgres that starts without the server being there and comes back by itself. */
export const openDatabase = ({ url, poolSize, log }: Options): Database => {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // The same on this side of the wire: a server that stands still does not end its statements.
    query_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 15_000,
    application_name: 'rekey-password-service',
    keepAlive: true,
  })
  // For as long as the pool lives: connections outlast its end for a moment, and an error unheard ends the process.
  pool.on('error', (err) => log.debug({ err }, 'a connection to postgres ended'))
  const adapter = new PrismaPg(pool)
  const prisma = new PrismaClient({ adapter, errorFormat: 'minimal' })

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
    check: () => prisma.$queryRaw`SELECT 1`,
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}
