/** Settings of Postgres by name. */
export type PostgresSettings = Readonly<Record<string, string>>

/**
 * Settings that the code relies on and that a server, a database or a role could change. Startup parameters override
 * `postgresql.conf`, `ALTER DATABASE … SET` and `ALTER ROLE … SET` (Postgres manual, 19.1). Every supported version has
 * each of them: Postgres refuses a connection with an unknown setting.
 */
export const requiredSettings = {
  // Prisma's adapter writes and reads times without a time zone.
  TimeZone: 'UTC',
  // The drivers parse only these forms of dates, intervals, numbers and text.
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  client_encoding: 'UTF8',
  // Otherwise a backslash in a string starts an escape, and NULL in an array parameter is the text "NULL".
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  // The schema of all tables: hand-written SQL does not name it.
  search_path: 'public',
  // After waiting for a lock, the transaction reads the row again; stricter levels would fail.
  default_transaction_isolation: 'read committed',
  // A violated unique constraint must not end the connection: the code handles it.
  exit_on_error: 'off',
  // Each client sets its own timeouts: one from the server would end a migration, a lock or the outbox listener.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
} as const satisfies PostgresSettings

/** The time-outs of the required settings. Behind a pooler a longer one of the role is accepted. */
export const timeoutSettings = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
] as const

/** True if a connection of `client` passes through a pooler: the process that answers is not the one that it began with. */
export const isPooler = async (client: Queryable): Promise<boolean> => {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  return (client as { processID?: number | null }).processID !== rows[0]?.pid
}

interface Queryable {
  query(text: string): Promise<{ rows: { pid?: number }[] }>
}

/** One `-c` of the startup parameter `options`, with spaces and backslashes escaped. */
const toOption = ([name, value]: [string, string]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`

/** Encodes only what a query cannot contain: the driver decodes nothing more if the password has a lone `%`. */
const toQuery = (value: string) => value.replaceAll(/[%&#+]/g, encodeURIComponent).replaceAll(' ', '+')

interface ConnectionKind {
  /** True for a pooler in transaction mode: it refuses settings of a session, so the role needs them as defaults. */
  pooled?: boolean
}

/**
 * Adds the required settings, and the given ones, to a connection URL. Other options of the URL stay. If the URL has
 * several `options`, drivers use the last one, and so does this.
 */
export const withSettings = (
  url: string,
  settings: PostgresSettings = {},
  { pooled = false }: ConnectionKind = {},
): string => {
  if (pooled) return url
  const own = new URL(url).searchParams.getAll('options').slice(-1)
  const wanted = Object.entries({ ...requiredSettings, ...settings }).map(toOption)
  const [address = ''] = url.split('#')
  return `${address}${address.includes('?') ? '&' : '?'}options=${toQuery([...own, ...wanted].join(' '))}`
}
