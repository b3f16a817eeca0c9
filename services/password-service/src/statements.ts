import pg from 'pg'
import type { Prisma } from './generated/prisma/client.ts'

/** A statement that a connection parses and plans once: a prepared statement (Postgres manual, PREPARE). */
export interface PreparedStatement<Row, Values extends readonly unknown[]> {
  /** Unique within the service: a connection refuses a second text of the same name. */
  readonly name: string
  /** SQL with `$1`, `$2`, … for the values. */
  readonly text: string
  /** Exists for the compiler only. */
  readonly types?: readonly [Row, Values]
}

/**
 * Names a statement of the hot path, with the types of its rows and values as `pg` has them: `timestamptz` is a Date,
 * `bigint` and `numeric` are texts. `database.run` runs it.
 */
export const prepared = <Row, const Values extends readonly unknown[] = []>(
  name: string,
  text: string,
): PreparedStatement<Row, Values> => ({ name, text })

/** SQLSTATE feature_not_supported of a statement whose result got other types since it was planned, as by a migration. */
const isOutdated = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '0A000' && error.routine === 'RevalidateCachedQuery'

/** Statements of Prisma that get a name: some have a text for each length of a list. */
const mostNamed = 500

interface Options {
  /** False behind a pooler in transaction mode, where each transaction may have another connection: sends the text each time. */
  areNamed: boolean
}

/** A setting of Postgres for one transaction. */
export type Setting = readonly [name: string, value: string]

/** Runs one statement of a transaction. @returns its rows */
export type RunStatement = <Row, const Values extends readonly unknown[]>(
  statement: PreparedStatement<Row, Values>,
  ...values: Values
) => Promise<Row[]>

/** A transaction of prepared statements, or one of Prisma: a step that both have takes either. */
export type AnyTransaction = RunStatement | Prisma.TransactionClient

/** Runs one statement of a transaction of either kind. @returns its rows */
export const runIn = <Row, const Values extends readonly unknown[]>(
  tx: AnyTransaction,
  statement: PreparedStatement<Row, Values>,
  ...values: Values
): Promise<Row[]> =>
  typeof tx === 'function' ? tx(statement, ...values) : tx.$queryRawUnsafe<Row[]>(statement.text, ...values)

/** Returns functions that run prepared statements, each on any connection of the pool. */
export const createStatements = (pool: pg.Pool, { areNamed }: Options) => {
  // Part of each name. A higher one makes every connection plan again.
  let generation = 0
  const numbers = new Map<string, number>()

  const send = async (
    { name, text }: PreparedStatement<unknown, readonly unknown[]>,
    values: readonly unknown[],
    client: Pick<pg.ClientBase, 'query'> = pool,
  ): Promise<unknown[]> => {
    const named = areNamed ? { name: `${name}_${generation}`, text } : { text }
    return (await client.query({ ...named, values: [...values] })).rows
  }

  return {
    /** The name of a statement of Prisma: a connection parses and plans it once. Empty if it is to have none. */
    nameOf({ sql, args }: { sql: string; args: readonly unknown[] }): string {
      if (!areNamed || args.length === 0) return ''
      const number = numbers.get(sql) ?? numbers.size
      if (number >= mostNamed) return ''
      numbers.set(sql, number)
      return `prisma${number}_${generation}`
    },

    /** Makes every connection plan again. */
    planAgain(): void {
      generation += 1
    },

    /** Runs one statement outside a transaction. */
    async run(
      statement: PreparedStatement<unknown, readonly unknown[]>,
      values: readonly unknown[],
    ): Promise<unknown[]> {
      const before = generation
      try {
        return await send(statement, values)
      } catch (error) {
        if (!isOutdated(error)) throw error
        // It was refused before it did anything.
        if (generation === before) generation += 1
        return send(statement, values)
      }
    },

    /**
     * Runs statements in one transaction with these settings. It commits if `work` resolves, and rolls back if `work`
     * rejects.
     */
    async transaction<T>(settings: readonly Setting[], work: (run: RunStatement) => Promise<T>): Promise<T> {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        if (settings.length > 0) {
          await client.query(
            'SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)',
            [settings.map(([name]) => name), settings.map(([, value]) => value)],
          )
        }
        const run = (statement: PreparedStatement<unknown, readonly unknown[]>, ...values: readonly unknown[]) =>
          send(statement, values, client)
        const result = await work(run as RunStatement)
        await client.query('COMMIT')
        client.release()
        return result
      } catch (error) {
        // An object, so that it has a time-out of its own after a statement that timed out.
        await client.query({ text: 'ROLLBACK' }).then(
          () => client.release(),
          () => client.release(true),
        )
        if (isOutdated(error)) generation += 1
        throw error
      }
    },
  }
}
