import pg from 'pg'

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

interface Options {
  /** False behind a pooler in transaction mode, where each transaction may have another connection: sends the text each time. */
  areNamed: boolean
}

/** Returns a function that runs prepared statements, each on any connection of the pool. */
export const createStatements = (pool: pg.Pool, { areNamed }: Options) => {
  // Part of each name. A higher one makes every connection plan again.
  let generation = 0

  const send = async (
    { name, text }: PreparedStatement<unknown, readonly unknown[]>,
    values: readonly unknown[],
    client: Pick<pg.ClientBase, 'query'> = pool,
  ): Promise<unknown[]> => {
    const named = areNamed ? { name: `${name}_${generation}`, text } : { text }
    return (await client.query({ ...named, values: [...values] })).rows
  }

  return {
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

    /** Runs one statement in a transaction with these settings. A failed transaction ends with its connection. */
    async runWith(
      settings: readonly (readonly [name: string, value: string])[],
      statement: PreparedStatement<unknown, readonly unknown[]>,
      values: readonly unknown[],
    ): Promise<unknown[]> {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query(
          'SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)',
          [settings.map(([name]) => name), settings.map(([, value]) => value)],
        )
        const rows = await send(statement, values, client)
        await client.query('COMMIT')
        client.release()
        return rows
      } catch (error) {
        client.release(true)
        throw error
      }
    },
  }
}

/** Most texts that a connection keeps prepared for Prisma, and the longest: the plans of a connection take a few MB. */
const mostNames = 200
const longestNamed = 4_000

/**
 * Names the statements that Prisma sends, so that they are prepared too. Those of batches have a text for each size, and
 * could be any number: the first ones get a name, the others are planned at each call.
 */
export const createStatementNames = () => {
  const names = new Map<string, string>()
  /** The empty name is that of no statement. */
  return ({ sql }: { sql: string }): string => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= mostNames || sql.length > longestNamed) return ''
    const name = `prisma_${names.size}`
    names.set(sql, name)
    return name
  }
}
