import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { poolOf } from './pool.ts'

export interface TestCustomer {
  id: number
  /** The token subject. */
  code: string
  email: string
  phone: string
  password: string
}

/** The password and its hash, with the cost of hashes in tests. */
const password = 'an old password'
export const passwordHash =
  '$argon2id$v=19$m=1024,t=1,p=1$3jlQhrVO4c0X357iLrMWTQ$3k9GIsNbGJXfdBWC/NRTuiJIvQl8KbTK/Q1CTvIHDds'

const digits = (count: number) => String(Math.floor(Math.random() * 10 ** count)).padStart(count, '0')

/** Runs one statement. */
export const sql = async <Row extends pg.QueryResultRow>(databaseUrl: string, text: string, values: unknown[] = []) =>
  (await poolOf(databaseUrl).query<Row>(text, values)).rows

/** Runs one statement on a new connection, which begins with the current settings of its role and database. */
export const sqlOnNewConnection = async <Row extends pg.QueryResultRow>(databaseUrl: string, text: string) => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

/** Adds a customer with a confirmed e-mail address, a confirmed phone number and a password. */
export const createCustomer = async (
  databaseUrl: string,
  { status = 'active' }: { status?: 'active' | 'blocked' } = {},
): Promise<TestCustomer> => {
  const name = randomUUID().replaceAll('-', '')
  const customer = { code: `T${name}`, email: `t${name}@example.com`, phone: `+4477${digits(8)}`, password }
  const rows = await sql<{ id: number }>(
    databaseUrl,
    `WITH made AS (
       INSERT INTO customer (code, locale, timezone, status) VALUES ($1, 'en-GB', 'Europe/London', $5::customer_status)
       RETURNING id
     ), identifiers AS (
       INSERT INTO identifier (customer_id, kind, value, verified_at)
       SELECT id, kind::identifier_kind, value, now() FROM made, (VALUES ('email', $2), ('phone', $3)) AS v (kind, value)
     ), credentials AS (
       INSERT INTO credential (customer_id, hash, updated_at) SELECT id, $4, now() FROM made
     )
     SELECT id FROM made`,
    [customer.code, customer.email, customer.phone, passwordHash, status],
  )
  return { id: rows[0]?.id ?? 0, ...customer }
}
