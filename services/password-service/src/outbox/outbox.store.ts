import { currentTrace } from '@rekey/platform/trace'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { logMessages } from '../messages/message.ts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'
import type { EventsOf, NewEvent } from './event.ts'
import { lanesOf, type OutboxStream, outboxStreams } from './lanes.ts'
import { noteEvents } from './news.ts'

/** Notifies the relays of other processes once the transaction has committed. For a process that has none. */
export const notifyRelays = async (tx: Transaction): Promise<void> => {
  await tx.$executeRaw`SELECT pg_notify('outbox', '')`
}

const newMessages = Prisma.raw(`
  SELECT id AS ref, 0 AS send_number, m."customerId" AS customer_id, m.kind, m.purpose, m.channel,
    m."maskedTo" AS masked_to, $2::timestamptz AS asked_at, m."expiresAt" AS expires_at, 'waiting' AS status,
    '' AS reason
  FROM event, jsonb_to_record(message) AS m (
    "customerId" int, kind text, purpose text, channel text, "maskedTo" text, "expiresAt" timestamptz
  )
  WHERE message IS NOT NULL`)

const insertEvents = prepared<never, [events: string, createdAt: Date, traceparent: string | null]>(
  'insert_events',
  `WITH event AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb)
      AS e (id uuid, type text, subject text, data jsonb, message jsonb, "reportLink" jsonb)
  ), link AS (
    INSERT INTO report_link (handle_hmac, event_id, customer_id, change_id, channel, expires_at)
    SELECT l."handleHmac", event.id, l."customerId", l."changeId", l.channel, l."expiresAt"
    FROM event, jsonb_to_record("reportLink") AS l (
      "handleHmac" text, "customerId" int, "changeId" int, channel text, "expiresAt" timestamptz
    )
    WHERE "reportLink" IS NOT NULL
  ), without_notify AS MATERIALIZED (
    SELECT set_config('rekey.wakes_relay', 'on', true)
  ), added AS (
    INSERT INTO outbox (event_id, type, subject, data, traceparent, created_at)
    SELECT id, type, subject, data, $3::text, $2::timestamptz FROM event, without_notify
  )
  ${logMessages(newMessages).text}`,
)

/**
 * Adds the events of many subjects, stores the links of notifications among them, and logs those that are messages to
 * customers (B13), in one statement. It sends no NOTIFY, with which commits would wait for one another: `database` wakes the
 * relays of this process.
 */
export const addEventsOfMany = async (tx: AnyTransaction, createdAt: Date, all: EventsOf[]): Promise<void> => {
  const rows = all.flatMap(({ subject, events }) => events.map((event) => ({ ...event, subject })))
  if (rows.length === 0) return
  noteEvents(tx)
  await runIn(tx, insertEvents, JSON.stringify(rows), createdAt, currentTrace() ?? null)
}

/**
 * Adds a customer's events within the transaction of their cause; they are published after its commit. The transaction
 * has the customer locked, so that the ids of its events follow the order of commits.
 */
export const addEvents = (tx: AnyTransaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void> =>
  addEventsOfMany(tx, createdAt, [{ subject, events }])

/** Unpublished events of one stream; each figure is counted up to `most`. */
export interface Depth {
  waiting: number
  /** Held events among them: rejected by the broker, or behind a rejected one of the same customer. */
  held: number
}

/** Counts unpublished events, in index order and up to `most` of each kind. */
export const countWaiting = async (loops: Database, stream: OutboxStream, most: number): Promise<Depth> => {
  const lanes = Prisma.sql`unnest(${lanesOf[stream]}::int[]) AS l(lane)`
  const count = (condition: Prisma.Sql) => Prisma.sql`
    (SELECT count(*)::int FROM (
      SELECT 1 FROM ${lanes} CROSS JOIN LATERAL (
        SELECT 1 FROM outbox WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND ${condition}
        LIMIT ${most}
      ) AS event LIMIT ${most}
    ) AS first)`
  const [row] = await loops.query(
    (prisma) => prisma.$queryRaw<[{ ready: number; held: number }]>`
      SELECT ${count(Prisma.sql`retry_at IS NULL`)} AS ready, ${count(Prisma.sql`retry_at IS NOT NULL`)} AS held`,
  )
  return { waiting: row.ready + row.held, held: row.held }
}

/** Counts the unpublished events of all streams that are not held: the relays publish them next. */
export const countReady = async (loops: Database, most: number): Promise<number> => {
  const depths = await Promise.all(outboxStreams.map((stream) => countWaiting(loops, stream, most)))
  return depths.reduce((sum, { waiting, held }) => sum + waiting - held, 0)
}

/** When the oldest event of a stream that is not held was added. */
export const findOldest = async (loops: Database, stream: OutboxStream): Promise<Date | undefined> => {
  const rows = await loops.query(
    (prisma) => prisma.$queryRaw<{ createdAt: Date }[]>`
      SELECT first.created_at AS "createdAt" FROM unnest(${lanesOf[stream]}::int[]) AS l(lane) CROSS JOIN LATERAL (
        SELECT created_at FROM outbox
        WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at IS NULL
        ORDER BY id LIMIT 1
      ) AS first`,
  )
  const times = rows.map(({ createdAt }) => createdAt.getTime())
  return times.length > 0 ? new Date(Math.min(...times)) : undefined
}

/**
 * Deletes events that were published before `keptForMs`. Until then they are published again if the broker turns out to
 * have lost them, and an operator can look up what was published, and when.
 */
export const deletePublished =
  (loops: Database, keptForMs: number): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'outbox', column: 'published_at' }, new Date(now.getTime() - keptForMs), limit)
