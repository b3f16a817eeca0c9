import { isPooler, requiredSettings, timeoutSettings, withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

const timeoutMs = 2_000

/** The oldest supported version, as `server_version_num`. */
export const leastVersion = 150_000

interface Setting {
  name: string
  setting: string
}

/** Properties of the server and of a new connection that affect correctness. */
export interface CorrectnessFacts {
  /** Required settings for which the connection has another value. */
  settings: Setting[]
  version: string
  versionNumber: number
  serverEncoding: string
  isStandby: boolean
  isReadOnly: boolean
  replicationRole: string
  transactionTimeoutMs: number
  /** Most connections of this role at a time, over all its clients. */
  connections: number
  /** True if the collation has changed since the indexes were built. */
  isCollationStale: boolean
}

/** What a start asks a server. */
export interface Facts extends CorrectnessFacts {
  /** True if another process of Postgres answers than the one that the connection began with. */
  isPooler: boolean
  /** Identifies the database on its server. */
  database: string
  fsync: string
  fullPageWrites: string
  synchronousCommit: string
}

const factsQuery = `
  SELECT (SELECT system_identifier FROM pg_control_system()) || '/' ||
           (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
         current_setting('server_version') AS version,
         current_setting('server_version_num')::int AS "versionNumber",
         current_setting('server_encoding') AS "serverEncoding",
         pg_is_in_recovery() AS "isStandby",
         current_setting('default_transaction_read_only')::bool AS "isReadOnly",
         current_setting('session_replication_role') AS "replicationRole",
         coalesce((SELECT setting::int FROM pg_settings WHERE name = 'transaction_timeout'), 0)
           AS "transactionTimeoutMs",
         least(
           (SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings
            WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')),
           (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user),
           (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
         )::int AS connections,
         current_setting('fsync') AS fsync,
         current_setting('full_page_writes') AS "fullPageWrites",
         current_setting('synchronous_commit') AS "synchronousCommit",
         (SELECT coalesce(json_agg(json_build_object('name', name, 'setting', setting)), '[]') FROM pg_settings
          WHERE lower(name) = ANY ($1)) AS settings`

/** Postgres stores versions of collations since version 15. */
const collationQuery = `
  SELECT datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid) AS "isCollationStale"
  FROM pg_database WHERE datname = current_database()`

const withoutSpaces = (value: string) => value.replaceAll(' ', '')

const isUnmet = ({ name, setting }: Setting) =>
  Object.entries(requiredSettings).some(
    ([required, value]) =>
      required.toLowerCase() === name.toLowerCase() && withoutSpaces(value) !== withoutSpaces(setting),
  )

/** Longer than a statement of a request or of a background loop. */
export const leastPooledTimeoutMs = 10_000

/** Behind a pooler the time-outs are those of the role: they may only be longer than what the service cancels itself. */
const isUnmetPooled = (one: Setting) =>
  timeoutSettings.some((name) => name === one.name)
    ? Number(one.setting) > 0 && Number(one.setting) < leastPooledTimeoutMs
    : isUnmet(one)

const readFacts = async (client: pg.Client, pooled: boolean): Promise<Facts> => {
  const names = Object.keys(requiredSettings).map((name) => name.toLowerCase())
  const { rows } = await client.query<Facts>(factsQuery, [names])
  const [facts] = rows
  if (!facts) throw new Error('Postgres returned no row')
  const collation =
    facts.versionNumber < leastVersion ? undefined : await client.query<Pick<Facts, 'isCollationStale'>>(collationQuery)
  return {
    ...facts,
    settings: facts.settings.filter(pooled ? isUnmetPooled : isUnmet),
    isPooler: await isPooler(client),
    isCollationStale: collation?.rows[0]?.isCollationStale ?? false,
  }
}

/** SQLSTATE of a server that rejects a startup parameter or its value, or of a pooler that rejects all. */
const isRefusedStart = ({ code }: { code?: string }) => code === '42704' || code === '22023' || code === '08P01'

/** Reads the facts. @returns the refusal if the server rejects the connection; undefined if it does not answer (yet) */
export const probe = async (databaseUrl: string, pooled: boolean): Promise<Facts | { refusal: string } | undefined> => {
  const client = new pg.Client({
    connectionString: withSettings(databaseUrl, {}, { pooled }),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return await readFacts(client, pooled)
  } catch (error) {
    const { message, ...rest } = error as Error & { code?: string }
    return isRefusedStart(rest) ? { refusal: message } : undefined
  } finally {
    // Not awaited: a stalled server would not answer.
    void client.end().catch(() => {})
  }
}
