import type pg from 'pg'

/**
 * Fills the outbox as a day of traffic and an outage of the broker would: published rows were deleted, waiting events are
 * in the freed space in random order, and the statistics of Postgres are up to date.
 *
 * @returns the correlation of ids with the order on disk, from -1 to 1, by the statistics of Postgres
 */
export const fillOutbox = async (client: pg.Client, waiting: number): Promise<number> => {
  await client.query('ALTER TABLE outbox SET (autovacuum_enabled = false)')
  const columns = 'id, event_id, type, subject, data, created_at, published_at'
  const row = `n, gen_random_uuid(), 'account.identifiers-changed', 'EN' || n / 2, jsonb_build_object('n', n), now()`
  await client.query(
    `INSERT INTO outbox (${columns}) SELECT ${row}, now() - interval '25 hours' FROM generate_series(1, $1::int) AS n`,
    [waiting],
  )
  // Without these rows the vacuum would truncate the table.
  await client.query('DELETE FROM outbox WHERE id % 50 > 0')
  await client.query('VACUUM outbox')
  // Concurrent transactions fill freed space in random order.
  await client.query(
    `INSERT INTO outbox (${columns})
     SELECT ${row}, NULL FROM generate_series($1::int + 1, 2 * $1::int) AS n ORDER BY random()`,
    [waiting],
  )
  await client.query(`SELECT setval('outbox_id_seq', 2 * $1::bigint)`, [waiting])
  await client.query('VACUUM ANALYZE outbox')
  const { rows } = await client.query<{ correlation: number }>(
    `SELECT correlation FROM pg_stats WHERE tablename = 'outbox' AND attname = 'id'`,
  )
  return rows[0]?.correlation ?? Number.NaN
}
