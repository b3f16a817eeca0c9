import { withSettings } from '@rekey/platform/postgres-settings'
import { passwordHash } from '@rekey/test-support/customers'
import pg from 'pg'
import { type ChangeRecord, digestOf, firstPreviousDigest } from '../../services/password-service/src/history/digest.ts'

/** The highest ids before the run; rows of the run have higher ids. */
export interface Prefilled {
  customers: number
  /** History records. */
  records: number
  /** Ids that the outbox has used, and rows that are left. */
  outboxIds: number
  outboxRows: number
  /** Physical correlation of the outbox's ids in pg_stats: near 1 in a new table. */
  correlation: number
}

/** Size for a run with five minutes of failures. */
const full = { customers: 50_000, outboxRows: 200_000 }
const fullAtMs = 300_000
const recordsEach = 2
const recordsAtOnce = 5_000

/** Customers with e-mail, phone and password, in random physical order. */
const fillCustomers = async (client: pg.Client, count: number) => {
  await client.query(
    `INSERT INTO customer (id, code, locale, timezone)
     SELECT n, 'prefilled-' || n, 'en-GB', 'Europe/London' FROM generate_series(1, $1::int) AS n ORDER BY random()`,
    [count],
  )
  await client.query(
    `INSERT INTO identifier (customer_id, kind, value, verified_at)
     SELECT n, kind::identifier_kind, value, now() FROM generate_series(1, $1::int) AS n, LATERAL (
       VALUES ('email', 'prefilled-' || n || '@example.com'), ('phone', '+4479' || lpad(n::text, 8, '0'))
     ) AS v (kind, value) ORDER BY random()`,
    [count],
  )
  await client.query(
    `INSERT INTO credential (customer_id, hash, updated_at)
     SELECT n, $2, now() FROM generate_series(1, $1::int) AS n ORDER BY random()`,
    [count, passwordHash],
  )
  await client.query(`SELECT setval(pg_get_serial_sequence('customer', 'id'), $1)`, [count])
}

/** Histories with valid chains: the run verifies all of them. */
const fillHistory = async (client: pg.Client, customers: number) => {
  const digests = new Map<number, string>()
  const startMs = Date.now() - 24 * 3_600_000
  const count = customers * recordsEach
  for (let first = 1; first <= count; first += recordsAtOnce) {
    const records = Array.from({ length: Math.min(recordsAtOnce, count - first + 1) }, (_, index) => {
      const id = first + index
      const customerId = 1 + ((id - 1) % customers)
      const record: ChangeRecord = {
        ...{
          id,
          customerId,
          type: 'restored',
          operation: 'restore',
          actor: 'client',
          actorId: `prefilled-${customerId}`,
        },
        ...{ clientId: 'ib_localhost', channel: 'IB', ip: '::1', createTime: new Date(startMs + id) },
      }
      const previousDigest = digests.get(customerId) ?? firstPreviousDigest
      const digest = digestOf(previousDigest, record)
      digests.set(customerId, digest)
      return { ...record, previousDigest, digest }
    })
    await client.query(
      `INSERT INTO password_change (id, customer_id, type, operation, actor, actor_id, client_id, channel, ip,
         create_time, previous_digest, digest)
       SELECT id, "customerId", type::change_type, operation::change_operation, actor::change_actor, "actorId",
         "clientId", channel, ip, "createTime", "previousDigest", digest
       FROM jsonb_to_recordset($1::jsonb) AS r (id int, "customerId" int, type text, operation text, actor text,
         "actorId" text, "clientId" text, channel text, ip text, "createTime" timestamptz, "previousDigest" text,
         digest text)`,
      [JSON.stringify(records)],
    )
  }
  await client.query(`SELECT setval(pg_get_serial_sequence('password_change', 'id'), $1)`, [count])
  return count
}

const insertPublished = (client: pg.Client, first: number, last: number) =>
  client.query(
    `INSERT INTO outbox (id, event_id, type, subject, data, created_at, published_at)
     SELECT n, gen_random_uuid(), CASE n % 3 WHEN 0 THEN 'password.restored' ELSE 'notify.password-changed' END,
       'prefilled-' || n / 3, jsonb_build_object('changeId', n, 'digest', md5(n::text), 'recipient', repeat(md5(n::text), 12)),
       at - interval '50 ms', at
     FROM generate_series($1::int, $2::int) AS n, LATERAL (SELECT now() - random() * interval '23 hours' AS at) AS t
     ORDER BY random()`,
    [first, last],
  )

/** A day of turnover: published rows, half of them deleted and their space reused. */
const fillOutbox = async (client: pg.Client, rows: number) => {
  await insertPublished(client, 1, rows)
  await client.query('DELETE FROM outbox WHERE id % 2 = 0')
  await client.query('VACUUM outbox')
  const ids = rows + Math.floor(rows / 2)
  await insertPublished(client, rows + 1, ids)
  await client.query(`SELECT setval(pg_get_serial_sequence('outbox', 'id'), $1)`, [ids])
  return ids
}

/** Fills an empty database with the data of a bank, in proportion to the length of the run. */
export const prefillDatabase = async (databaseUrl: string, runMs: number): Promise<Prefilled> => {
  const share = Math.min(1, runMs / fullAtMs)
  const customers = Math.ceil(full.customers * share)
  const client = new pg.Client({ connectionString: withSettings(databaseUrl) })
  await client.connect()
  try {
    await fillCustomers(client, customers)
    const records = await fillHistory(client, customers)
    const outboxIds = await fillOutbox(client, Math.ceil(full.outboxRows * share))
    await client.query('VACUUM ANALYZE')
    const { rows } = await client.query<{ outboxRows: number; correlation: number }>(
      `SELECT (SELECT count(*)::int FROM outbox) AS "outboxRows", correlation FROM pg_stats
       WHERE tablename = 'outbox' AND attname = 'id'`,
    )
    const [{ outboxRows, correlation }] = rows as [{ outboxRows: number; correlation: number }]
    return { customers, records, outboxIds, outboxRows, correlation }
  } finally {
    await client.end()
  }
}
