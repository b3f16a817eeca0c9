import { PrismaPg } from '@prisma/adapter-pg'
import { unavailable } from '@rekey/contracts'
import { inTransaction, withinOneDeadline } from './cancelling-client.ts'
import { callersStatementTimeoutMs, connectTimeoutMs, openPool, type PoolOptions } from './connection-pool.ts'
import { isOutdatedPlan, toDatabaseError } from './database-errors.ts'
import { Prisma, PrismaClient } from './generated/prisma/client.ts'
import { hasEvents } from './outbox/news.ts'
import { createStatements, type PreparedStatement, type RunStatement } from './statements.ts'

export type Transaction = Prisma.TransactionClient

interface Options extends PoolOptions {
  /** False: Prisma's statements are planned at each call, for its values. */
  plansOnce?: boolean
}

/**
 * Options for background loops: relay, sweeper, jobs. Each of their statements reads a bounded number of rows by an index.
 * The settings forbid other plans, because the planner chooses them when its estimates are wrong: it once read and
 * sorted a whole backlog for each batch. A loop may also wait longer for a statement than a caller.
 */
export const loopOptions = {
  name: 'loops' as const,
  poolSize: 4,
  statementTimeoutMs: 6_000,
  serverTransactionTimeoutMs: 30_000,
  // A plan that is kept would be one for the rows that there were when a loop began.
  plansOnce: false,
  settings: {
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
    enable_sort: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    // The values of a call must not decide about its plan. A prepared statement then keeps one plan, which saves its time.
    plan_cache_mode: 'force_generic_plan',
    // Parallel workers and compilation cost more than they save for a batch of few rows.
    max_parallel_workers_per_gather: '0',
    jit: 'off',
  },
}

const transactionTimeoutMs = 3_000

/** Rejects if a migration or a privilege of the role is missing. */
const readEachTable = async (prisma: PrismaClient) => {
  for (const model of Object.values(Prisma.ModelName)) {
    const name = `${model[0]?.toLowerCase()}${model.slice(1)}` as Uncapitalize<typeof model>
    const table: { findFirst(): Promise<unknown> } = prisma[name]
    await table.findFirst()
  }
}

/** Opens the database, through a pool of connections. It starts without the server, and reconnects by itself. */
export const openDatabase = ({ plansOnce = true, ...options }: Options) => {
  const { statementTimeoutMs = callersStatementTimeoutMs, settings = {}, pooled = false } = options
  const { pool, cancelling } = openPool(options)
  const statements = createStatements(pool, { areNamed: !pooled })
  const adapter = new PrismaPg(pool, plansOnce ? { statementNameGenerator: statements.nameOf } : {})
  const prisma = new PrismaClient({ adapter, errorFormat: 'minimal' })
  const toError = (thrown: unknown) => {
    if (isOutdatedPlan(thrown)) statements.planAgain()
    return toDatabaseError(thrown)
  }
  const localSettings =
    pooled && statementTimeoutMs !== callersStatementTimeoutMs
      ? Object.entries({ ...settings, statement_timeout: String(statementTimeoutMs) })
      : []
  const setLocally = async (tx: Transaction) => {
    if (localSettings.length === 0) return
    const [names, values] = [localSettings.map(([name]) => name), localSettings.map(([, value]) => value)]
    await tx.$executeRaw`SELECT set_config(name, value, true) FROM unnest(${names}::text[], ${values}::text[]) AS s(name, value)`
  }
  const eventListeners: (() => void)[] = []
  const wakeIfEvents = (tx: object) => {
    if (hasEvents(tx)) for (const listener of eventListeners) listener()
  }
  // Checked once: migrations are applied before the code that needs them.
  let areTablesChecked = false

  return {
    /**
     * Runs queries outside a transaction.
     *
     * @throws RekeyError unavailable if Postgres does not answer in time. Other errors contain no values
     */
    async query<T>(work: (prisma: Transaction) => Promise<T>): Promise<T> {
      if (localSettings.length > 0) return this.transaction(work, { timeoutMs: statementTimeoutMs })
      try {
        return await withinOneDeadline(() => work(prisma))
      } catch (error) {
        throw toError(error)
      }
    },
    /**
     * Runs one prepared statement outside a transaction. @returns its rows
     *
     * @throws RekeyError unavailable if Postgres does not answer in time. Other errors contain no values
     */
    async run<Row, Values extends readonly unknown[]>(
      statement: PreparedStatement<Row, Values>,
      ...values: Values
    ): Promise<Row[]> {
      try {
        const rows = await withinOneDeadline(() =>
          localSettings.length > 0
            ? statements.transaction(localSettings, (run) => run(statement, ...values))
            : statements.run(statement, values),
        )
        return rows as Row[]
      } catch (error) {
        throw toDatabaseError(error)
      }
    },
    /**
     * Runs prepared statements in one transaction. It commits if `work` resolves, and rolls back if `work` rejects.
     *
     * @throws RekeyError unavailable if Postgres does not answer in time: the transaction may have committed
     */
    async runTransaction<T>(
      work: (run: RunStatement) => Promise<T>,
      { timeoutMs }: { timeoutMs: number } = { timeoutMs: transactionTimeoutMs },
    ): Promise<T> {
      const endMs = performance.now() + timeoutMs
      const inTime =
        (run: RunStatement): RunStatement =>
        (statement, ...values) => {
          if (performance.now() > endMs) throw unavailable(new Error('the transaction takes too long'))
          return run(statement, ...values)
        }
      let transaction: RunStatement | undefined
      try {
        return await inTransaction(() =>
          statements.transaction(localSettings, (run) => {
            transaction = inTime(run)
            return work(transaction)
          }),
        )
      } catch (error) {
        throw toDatabaseError(error)
      } finally {
        // Also after an error: the transaction may have committed.
        if (transaction) wakeIfEvents(transaction)
      }
    },
    /**
     * Runs `work` in one transaction. It commits if `work` resolves, and rolls back if `work` rejects.
     *
     * @throws RekeyError unavailable if Postgres does not answer in time: the transaction may have committed
     */
    async transaction<T>(
      work: (tx: Transaction) => Promise<T>,
      { timeoutMs }: { timeoutMs: number } = { timeoutMs: transactionTimeoutMs },
    ): Promise<T> {
      let transaction: Transaction | undefined
      try {
        const run = async (tx: Transaction) => {
          transaction = tx
          await setLocally(tx)
          return work(tx)
        }
        return await inTransaction(() => prisma.$transaction(run, { maxWait: connectTimeoutMs, timeout: timeoutMs }))
      } catch (error) {
        throw toError(error)
      } finally {
        // Also after an error: the transaction may have committed.
        if (transaction) wakeIfEvents(transaction)
      }
    },
    /** Calls the listener after each transaction that added events to the outbox. */
    onEventsAdded(listener: () => void): void {
      eventListeners.push(listener)
    },
    /** Rejects if Postgres does not answer, or if a migration or a privilege is missing. */
    async check(): Promise<unknown> {
      if (areTablesChecked) return prisma.$queryRaw`SELECT 1`
      await readEachTable(prisma)
      areTablesChecked = true
    },
    async close(): Promise<void> {
      cancelling.close()
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

export type Database = ReturnType<typeof openDatabase>
