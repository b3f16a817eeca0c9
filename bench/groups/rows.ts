import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import type { Bench } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { LoadRequest } from '../harness/protocol.ts'

/** Records of most customers, and of one who has many. */
const recordsEach = 10
const recordsOfOne = 1_000
/** Customers whose records are added in one statement. */
const atOnce = 20_000

export interface Filled {
  /** The id of the customer with many records, and the first and the last id of the others. */
  busy: number
  first: number
  last: number
}

const addCustomers = `
  INSERT INTO customer (code, locale, timezone)
  SELECT 'R' || n, 'en-GB', 'Europe/London' FROM generate_series(1, $1::int) AS n
  RETURNING id`
const addRecords = `
  INSERT INTO password_change (
    customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time, previous_digest, digest
  )
  SELECT id, 'restored', 'restore', 'client', 'R' || id, 'ib_localhost', 'email', '203.0.113.7',
         now() - n * interval '1 hour', repeat('0', 64), repeat('0123456789abcdef', 4)
  FROM generate_series($1::int, $2::int) AS id, generate_series(1, $3::int) AS n
  ORDER BY n, id`

/** Fills the history with records; their digests chain to nothing, which no read verifies. */
export const fillHistory = async ({ facts }: Contestant, records: number): Promise<Filled> => {
  const client = new pg.Client({ connectionString: withSettings(String(facts.databaseUrl)) })
  await client.connect()
  try {
    const count = Math.max(1, Math.floor((records - recordsOfOne) / recordsEach))
    const { rows } = await client.query<{ id: number }>(addCustomers, [count + 1])
    const busy = rows.reduce((least, { id }) => Math.min(least, id), Number.POSITIVE_INFINITY)
    const [first, last] = [busy + 1, busy + count]
    await client.query(addRecords, [busy, busy, Math.min(records, recordsOfOne)])
    for (let from = first; from <= last; from += atOnce) {
      await client.query(addRecords, [from, Math.min(from + atOnce - 1, last), recordsEach])
    }
    await client.query('VACUUM ANALYZE password_change, customer')
    await client.query('CHECKPOINT')
    return { busy, first, last }
  } finally {
    await client.end()
  }
}

/** B8 of random customers, and each twentieth of the customer with many: the first page or a deep one, with `total`. */
export const pagesOf = ({ facts }: Contestant, { busy, first, last }: Filled, count = 20_000): LoadRequest[] =>
  Array.from({ length: count }, (_, index) => {
    const isBusy = index % 20 === 0
    const id = isBusy ? busy : first + Math.floor(Math.random() * (last - first + 1))
    const offset = index % 2 === 0 ? 0 : isBusy ? recordsOfOne - 20 : recordsEach / 2
    return {
      method: 'GET',
      path: `/api/v2/clients/${id}/password/changes?limit=10&offset=${offset}`,
      headers: { authorization: `Bearer ${facts.staffToken}` },
    }
  })

/** Starts services with so many records. They end with the group. */
export const startWithRecords = async (bench: Bench, records: number) => {
  const contestant = await bench.ownContestant(`${records.toLocaleString('en-GB')} records`, {
    kind: 'ours',
    options: { smtpUrl: bench.load.smtpUrl, customers: 200 },
  })
  return { contestant, filled: await fillHistory(contestant, records) }
}
