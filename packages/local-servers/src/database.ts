import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

const withClient = async <T>(url: string, use: (client: pg.Client) => Promise<T>) => {
  const client = new pg.Client({ connectionString: withSettings(url), connectionTimeoutMillis: 15_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** The same server's URL for another database. */
export const databaseUrl = (url: string, name: string) => {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(name)}`
  return other.href
}

/**
 * Creates a database, as a copy of `template` if given, and returns its URL. The copy is one of files: Postgres would by
 * default write each block of the template to its log too, which takes twice the processor time.
 * @throws DatabaseError 42P04 if it exists
 */
export const createDatabase = async (adminUrl: string, name: string, { template }: { template?: string } = {}) => {
  const from = template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)} STRATEGY FILE_COPY`
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}${from}`))
  return databaseUrl(adminUrl, name)
}

/** Creates a database unless it exists, and returns its URL. */
export const ensureDatabase = async (adminUrl: string, name: string) => {
  const exists = await withClient(adminUrl, (client) =>
    client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]),
  )
  return exists.rowCount ? databaseUrl(adminUrl, name) : createDatabase(adminUrl, name)
}

/** Drops a database if it exists, and closes its connections. */
export const dropDatabase = async (adminUrl: string, name: string): Promise<void> => {
  await withClient(adminUrl, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`),
  )
}
