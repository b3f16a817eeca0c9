import { sql } from '@rekey/test-support/customers'
import type pg from 'pg'

export interface OutboxState {
  eventId: string
  isPublished: boolean
  /** The broker rejected it, or it waits behind a rejected one: it is retried later. */
  isHeld: boolean
}

export const readRows = (databaseUrl: string, eventIds: string[]): Promise<OutboxState[]> =>
  sql<OutboxState>(
    databaseUrl,
    `SELECT event_id::text AS "eventId", published_at IS NOT NULL AS "isPublished", retry_at IS NOT NULL AS "isHeld"
     FROM outbox WHERE event_id = ANY($1::uuid[])`,
    [eventIds],
  )

/** Progress of the events of one stream. */
export interface OutboxProgress {
  stream: string
  /** Events that a relay could publish, without held ones. */
  waiting: number
  /** Changes with each published event. */
  position: string
}

const streamOf = `CASE WHEN type LIKE 'notify.%' THEN 'NOTIFY' ELSE 'PASSWORD' END`

export const readProgress = async (client: pg.Client): Promise<OutboxProgress[]> => {
  const { rows } = await client.query<OutboxProgress>(
    `SELECT s.stream, waits.count AS waiting, concat(waits.first, ' ', left_last.at) AS position
     FROM (VALUES ('PASSWORD'), ('NOTIFY')) AS s(stream), LATERAL (
       SELECT count(*)::int, min(id) AS first FROM outbox
       WHERE published_at IS NULL AND retry_at IS NULL AND ${streamOf} = s.stream
     ) AS waits LEFT JOIN LATERAL (
       SELECT published_at AS at FROM outbox WHERE published_at IS NOT NULL AND ${streamOf} = s.stream
       ORDER BY published_at DESC LIMIT 1
     ) AS left_last ON true`,
  )
  return rows
}
