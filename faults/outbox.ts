import type pg from 'pg'

export interface OutboxState {
  id: string
  eventId: string
  isPublished: boolean
  /** The broker refused it, or it is held behind one that was refused: it is tried again at a later time. */
  isPutAside: boolean
}

type Query = <Row extends pg.QueryResultRow>(text: string, values: unknown[]) => Promise<Row[]>

// Of a database without the columns the subqueries find those of the outer query, which are empty.
const read = (query: Query, condition: string, values: unknown[]) =>
  query<OutboxState>(
    `SELECT id::text, event_id::text AS "eventId", published_at IS NOT NULL AS "isPublished",
       (SELECT coalesce(retry_at, refused_at) FROM outbox o WHERE o.id = rows.id) IS NOT NULL AS "isPutAside"
     FROM (
       SELECT id, event_id, published_at, NULL::timestamptz AS retry_at, NULL::timestamptz AS refused_at
       FROM outbox WHERE ${condition}
     ) AS rows`,
    values,
  )

/** Events that have not left, the oldest first. */
export const readWaiting = (query: Query, most: number): Promise<OutboxState[]> =>
  read(query, 'published_at IS NULL ORDER BY id LIMIT $1', [most])

export const readRows = (query: Query, eventIds: string[]): Promise<OutboxState[]> =>
  read(query, 'event_id = ANY($1::uuid[])', [eventIds])

/** When the last of all left, as text; it changes with each that leaves. */
export const readLastPublished = async (query: Query): Promise<string | undefined> => {
  const rows = await query<{ at: string }>('SELECT max(published_at)::text AS at FROM outbox', [])
  return rows[0]?.at
}
