import { loadConfig, Url } from '@rekey/platform/config'
import { withSettings } from '@rekey/platform/postgres-settings'
import { Type } from '@sinclair/typebox'
import pg from 'pg'
import { databaseUrls } from '../database-urls.ts'
import { createChainCheck, type InvalidRecord, type StoredChange } from './chain.ts'

const Env = Type.Object({
  DATABASE_URL: Url('postgres(ql)?', { description: 'Postgres with the history.' }),
  REKEY_DATABASE_DIRECT_URL: Type.Optional(Url('postgres(ql)?', { description: 'Postgres itself, beside a pooler.' })),
})

/** The URL of Postgres itself from these variables: the snapshot is one long transaction. @throws ConfigError */
export const databaseUrlOf = (env: NodeJS.ProcessEnv): string => databaseUrls(loadConfig(Env, env)).directUrl

/** Result of verifying the whole history. */
export interface Verification {
  records: number
  customers: number
  /** The first invalid record; the counts cover the records before it. */
  invalid?: InvalidRecord
}

export interface Progress {
  records: number
  total: number
}

const pageSize = 1_000

const columns = `id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId",
  client_id AS "clientId", channel, ip, create_time AS "createTime", hold_until AS "holdUntil",
  approved_by AS "approvedBy", reason, previous_digest AS "previousDigest", digest`

/** SQLSTATE undefined_table or undefined_column (Postgres manual, appendix A). */
const isNotMigrated = (code: string | undefined) => code === '42P01' || code === '42703'

/** Adds the database's host and name to the message, never its password. */
const explain = (databaseUrl: string, thrown: unknown, what: string): Error => {
  const { message, code } = thrown as Error & { code?: string }
  const { host, pathname } = new URL(databaseUrl)
  const name = `${host}${pathname}`
  if (isNotMigrated(code)) return new Error(`the database ${name} is not migrated`, { cause: thrown })
  return new Error(`${what} ${name}: ${message || code}`, { cause: thrown })
}

/** Reads the records page by page from one cursor; fetches the next page while the current one is verified. */
async function* readPages(client: pg.Client): AsyncGenerator<StoredChange[]> {
  await client.query(
    `DECLARE history NO SCROLL CURSOR FOR SELECT ${columns} FROM password_change ORDER BY customer_id, id`,
  )
  const fetch = () => {
    const page = client.query<StoredChange>(`FETCH ${pageSize} FROM history`)
    // Without a handler, an error would be unhandled until the page is awaited; await still rejects.
    page.catch(() => {})
    return page
  }
  let next = fetch()
  for (;;) {
    const { rows } = await next
    if (rows.length === 0) return
    next = fetch()
    yield rows
  }
}

const walk = async (client: pg.Client, onProgress: (progress: Progress) => void): Promise<Verification> => {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  const counted = await client.query<{ total: number }>('SELECT count(*)::float8 AS total FROM password_change')
  const total = counted.rows[0]?.total ?? 0
  const { check, customers } = createChainCheck()
  let records = 0
  for await (const page of readPages(client)) {
    for (const record of page) {
      const invalid = check(record)
      if (invalid) return { records, customers: customers(), invalid }
      records += 1
    }
    onProgress({ records, total })
  }
  return { records, customers: customers() }
}

/**
 * Verifies every customer's chain in one snapshot and constant memory. It writes nothing and takes no locks.
 *
 * @throws Error with the database's name if it cannot be reached or read, or is not migrated
 */
export const verifyHistory = async (
  databaseUrl: string,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Verification> => {
  const client = new pg.Client({ connectionString: withSettings(databaseUrl), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect().catch((thrown) => {
      throw explain(databaseUrl, thrown, 'cannot reach the database')
    })
    return await walk(client, onProgress).catch((thrown) => {
      throw explain(databaseUrl, thrown, 'cannot read the history in')
    })
  } finally {
    await client.end().catch(() => {})
  }
}
