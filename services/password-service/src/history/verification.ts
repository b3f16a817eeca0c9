import { loadConfig, Url } from '@rekey/platform/config'
import { withSettings } from '@rekey/platform/postgres-settings'
import { Type } from '@sinclair/typebox'
import pg from 'pg'
import { databaseUrls } from '../database-urls.ts'
import { createChainCheck, type InvalidRecord, type StoredChange } from './chain.ts'
import { checkEntries, type StoredEntry } from './entry-check.ts'

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

const columns = `r.id, r.customer_id AS "customerId", r.type, r.operation, r.actor, r.actor_id AS "actorId",
  r.client_id AS "clientId", r.channel, r.ip, r.create_time AS "createTime", r.hold_until AS "holdUntil",
  r.approved_by AS "approvedBy", r.reason, r.previous_digest AS "previousDigest", r.digest,
  r.erased_digest AS "erasedDigest", e.customer_id IS NOT NULL AS "isErased",
  a.change_id::float8 AS "anchorId", a.digest AS "anchorDigest"`

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

const recordsQuery = `
  SELECT ${columns} FROM password_change r
  LEFT JOIN erased_customer e USING (customer_id) LEFT JOIN history_anchor a USING (customer_id)
  ORDER BY r.customer_id, r.id`

const entriesQuery = `
  SELECT customer_id AS "customerId", changes_only AS "changesOnly", position, change_id::float8 AS "changeId"
  FROM history_entry ORDER BY customer_id, changes_only, position`

/** Reads a query page by page from a cursor; fetches the next page while the current one is verified. */
async function* readPages<Row extends pg.QueryResultRow>(client: pg.Client, name: string, query: string) {
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${query}`)
  const fetch = () => {
    const page = client.query<Row>(`FETCH ${pageSize} FROM ${name}`)
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

/** Groups rows, which come in the order of customers, by customer; at most one page and one customer's rows in memory. */
async function* byCustomer<Row extends { customerId: number }>(pages: AsyncIterable<Row[]>) {
  let rows: Row[] = []
  for await (const page of pages) {
    for (const row of page) {
      if (rows[0] && rows[0].customerId !== row.customerId) {
        yield { customerId: rows[0].customerId, rows }
        rows = []
      }
      rows.push(row)
    }
  }
  if (rows[0]) yield { customerId: rows[0].customerId, rows }
}

/** Hands out the numbers of one customer after another. A customer that is passed over has numbers and no records. */
const createEntryReader = (client: pg.Client) => {
  const groups = byCustomer(readPages<StoredEntry>(client, 'entries', entriesQuery))
  const read = () => {
    const group = groups.next()
    // As for a page: the verification may end, with the connection, before it is awaited.
    group.catch(() => {})
    return group
  }
  let next = read()
  return {
    /** The numbers of the first customer up to this one; undefined: of all customers that are left. */
    async next(customerId?: number): Promise<StoredEntry[] | undefined> {
      const { value, done } = await next
      if (done || (customerId !== undefined && value.customerId > customerId)) return undefined
      next = read()
      return value.rows
    },
  }
}

const walk = async (client: pg.Client, onProgress: (progress: Progress) => void): Promise<Verification> => {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  const counted = await client.query<{ total: number }>('SELECT count(*)::float8 AS total FROM password_change')
  const total = counted.rows[0]?.total ?? 0
  const { check, customers } = createChainCheck()
  const entries = createEntryReader(client)
  let records = 0

  /** Checks the numbers of customers without records, up to this one. */
  const checkOthers = async (customerId?: number) => {
    for (;;) {
      const others = await entries.next(customerId === undefined ? undefined : customerId - 1)
      if (!others) return undefined
      const invalid = checkEntries(others[0]?.customerId ?? 0, [], others)
      if (invalid) return invalid
    }
  }

  for await (const { customerId, rows } of byCustomer(readPages<StoredChange>(client, 'records', recordsQuery))) {
    for (const record of rows) {
      const invalid = check(record)
      if (invalid) return { records, customers: customers(), invalid }
      records += 1
    }
    const invalid =
      (await checkOthers(customerId)) ?? checkEntries(customerId, rows, (await entries.next(customerId)) ?? [])
    if (invalid) return { records, customers: customers(), invalid }
    onProgress({ records, total })
  }
  const invalid = await checkOthers()
  return { records, customers: customers(), ...(invalid && { invalid }) }
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
