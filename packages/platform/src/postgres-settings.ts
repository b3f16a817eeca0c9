/** Settings of Postgres by name. */
export type PostgresSettings = Readonly<Record<string, string>>

/**
 * What our code relies on, and a server, a database or a role could set otherwise. As startup parameters they stand
 * above `postgresql.conf`, `ALTER DATABASE … SET` and `ALTER ROLE … SET` (Postgres manual, 19.1). Each exists in every
 * version that we take: a connection that names another is refused.
 */
export const requiredSettings = {
  // Prisma's adapter writes and reads times without their zone.
  TimeZone: 'UTC',
  // The drivers read dates, intervals, numbers and text in these forms alone.
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  client_encoding: 'UTF8',
  // Otherwise a backslash in a string begins an escape, and NULL in a list of parameters is the text "NULL".
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  // Tables are in this schema: Prisma names it, our SQL does not.
  search_path: 'public',
  // A lock is waited for and the row is read anew; stricter levels fail the transaction instead.
  default_transaction_isolation: 'read committed',
  // A unique row that is there already is an answer, not the end of the connection.
  exit_on_error: 'off',
  // Each client sets the limits that it needs: one of somebody else's ends a migration, a lock or the listener.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
} as const satisfies PostgresSettings

/** One `-c` of the startup parameter `options`: spaces part these, unless a backslash stands before. */
const toOption = ([name, value]: [string, string]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`

/** Only what a query cannot hold is encoded: the driver leaves more as it is where a password has a lone `%`. */
const toQuery = (value: string) => value.replaceAll(/[%&#+]/g, encodeURIComponent).replaceAll(' ', '+')

/**
 * Has every connection by this URL begin with the settings that our code relies on, and with those given. Options that
 * the URL has already stay, but for these; of several drivers take the last.
 */
export const withSettings = (url: string, settings: PostgresSettings = {}): string => {
  const own = new URL(url).searchParams.getAll('options').slice(-1)
  const wanted = Object.entries({ ...requiredSettings, ...settings }).map(toOption)
  const [address = ''] = url.split('#')
  return `${address}${address.includes('?') ? '&' : '?'}options=${toQuery([...own, ...wanted].join(' '))}`
}
