import pg from 'pg'

const pools = new Map<string, pg.Pool>()

/** The connections of this process to a database. A new one for each statement would cost more than the statement. */
export const poolOf = (databaseUrl: string): pg.Pool => {
  const known = pools.get(databaseUrl)
  if (known) return known
  const pool = new pg.Pool({ connectionString: databaseUrl, allowExitOnIdle: true })
  // Tests stop servers and drop databases: the pool replaces a connection that is lost.
  pool.on('error', () => {})
  pools.set(databaseUrl, pool)
  return pool
}
