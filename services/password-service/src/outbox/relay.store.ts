import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** A committed event that is not published yet. */
export interface WaitingEvent {
  rowId: bigint
  lane: number
  eventId: string
  type: string
  /** The customer's code. */
  subject: string
  data: object
  traceparent: string | null
  createdAt: Date
  /** Number of rejections by the broker. */
  attempts: number
  /** Time of the first rejection. */
  refusedAt: Date | null
  /** Next retry of the held events of the same customer and lane; null if there are none. */
  heldUntil: Date | null
}

/** An event that was published. */
export interface PublishedEvent {
  event: WaitingEvent
  /** Its sequence number in the stream; undefined if it became a dead letter. */
  sequence: number | undefined
}

/** A lane with events to publish now. */
export interface LaneWork {
  lane: number
  /** The first event after the cursor; null if only held events are due. */
  firstId: bigint | null
  /** True if a retry of held events is due. */
  due: boolean
}

/** Finds lanes with events after their cursor, or with held events that are due. */
export const findWork = (loops: Database, from: ReadonlyMap<number, bigint>, now: Date): Promise<LaneWork[]> =>
  // LATERAL with LIMIT reads one row of each lane: for EXISTS the planner could hash all waiting events.
  loops.query(
    (prisma) => prisma.$queryRaw<LaneWork[]>`
      SELECT l.lane, first.id AS "firstId", due.id IS NOT NULL AS due
      FROM unnest(${[...from.keys()]}::int[], ${[...from.values()]}::bigint[]) AS l(lane, after)
      LEFT JOIN LATERAL (
        SELECT id FROM outbox
        WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at IS NULL AND id > l.after
        ORDER BY id LIMIT 1
      ) AS first ON true
      LEFT JOIN LATERAL (
        SELECT id FROM outbox
        WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at <= ${now}
        ORDER BY retry_at LIMIT 1
      ) AS due ON true
      WHERE first.id IS NOT NULL OR due.id IS NOT NULL`,
  )

/** Class of the advisory locks of lanes: separates them from other advisory locks. */
const laneLocks = 7_281_402

/**
 * Locks lanes for this transaction. A statement of its own: one that also read the events would read them as they were
 * before the lock.
 *
 * @returns those that no other relay has locked
 */
export const lockLanes = async (tx: Transaction, lanes: number[]): Promise<number[]> => {
  const rows = await tx.$queryRaw<{ lane: number }[]>`
    SELECT lane FROM unnest(${lanes}::int[]) AS l(lane) WHERE pg_try_advisory_xact_lock(${laneLocks}::int, lane)`
  return rows.map(({ lane }) => lane)
}

/** Locks a lane for this transaction, after the relay that has it. */
const waitForLane = (tx: Transaction, lane: number) =>
  tx.$executeRaw`SELECT pg_advisory_xact_lock(${laneLocks}::int, ${lane}::int)`

/** Events of a stream that the broker acknowledged and does not have. */
export interface Lost {
  lane: number
  /** The stream's last sequence number before anything was published on this connection. */
  lastSequence: number
}

/** Most events that one statement makes wait again. */
const lostAtOnce = 1_000

/**
 * Makes published events wait again whose sequence number is beyond the stream's last one: the broker lost them.
 *
 * @returns how many there were in one bounded step; fewer than `lostAtOnce` were the last
 */
export const offerLost = async (loops: Database, { lane, lastSequence }: Lost): Promise<number> =>
  loops.transaction(async (tx) => {
    await waitForLane(tx, lane)
    return tx.$executeRaw`
      UPDATE outbox SET published_at = NULL, stream_seq = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM outbox
        WHERE outbox_lane(type, subject) = ${lane} AND stream_seq > ${lastSequence}
        ORDER BY stream_seq LIMIT ${lostAtOnce}
      ))`
  })

/** True if a step of `offerLost` was the last. */
export const wasLast = (offered: number): boolean => offered < lostAtOnce

const columns = Prisma.sql`
  o.id AS "rowId", o.event_id::text AS "eventId", o.type, o.subject, o.data, o.traceparent, o.created_at AS "createdAt",
  o.attempts, o.refused_at AS "refusedAt"`

/** The first events of each lane after an id, in order. */
export const readLanes = async (
  tx: Transaction,
  { lanes, from, size }: { lanes: number[]; from: ReadonlyMap<number, bigint>; size: number },
): Promise<WaitingEvent[]> => {
  const events = await tx.$queryRaw<WaitingEvent[]>`
    SELECT l.lane, e.*, held.retry_at AS "heldUntil"
    FROM unnest(${lanes}::int[], ${lanes.map((lane) => from.get(lane) ?? 0n)}::bigint[]) AS l(lane, after)
    CROSS JOIN LATERAL (
      SELECT ${columns} FROM outbox o
      WHERE outbox_lane(o.type, o.subject) = l.lane AND o.published_at IS NULL AND o.retry_at IS NULL AND o.id > l.after
      ORDER BY o.id LIMIT ${size}
    ) AS e
    LEFT JOIN LATERAL (
      SELECT h.retry_at FROM outbox h
      WHERE outbox_lane(h.type, h.subject) = l.lane AND h.subject = e.subject
        AND h.published_at IS NULL AND h.retry_at IS NOT NULL
      LIMIT 1
    ) AS held ON true`
  // SQL promises no order of a join, and ORDER BY would sort all that wait if the planner chose another plan.
  return events.toSorted((one, other) => Number(one.rowId - other.rowId))
}

/** Customers whose held events are retried in one batch, and events of each. */
const dueCustomers = 20
const dueEventsEach = 20

/** Held events whose retry is due; those of each customer in order. */
export const readDue = (tx: Transaction, lane: number, now: Date): Promise<WaitingEvent[]> =>
  tx.$queryRaw<WaitingEvent[]>`
    SELECT ${lane}::int AS lane, e.* FROM (
      SELECT DISTINCT subject FROM (
        SELECT subject FROM outbox
        WHERE outbox_lane(type, subject) = ${lane} AND published_at IS NULL AND retry_at <= ${now}
        ORDER BY retry_at LIMIT ${dueCustomers}
      ) AS earliest
    ) AS due CROSS JOIN LATERAL (
      SELECT ${columns}, NULL::timestamptz AS "heldUntil" FROM outbox o
      WHERE outbox_lane(o.type, o.subject) = ${lane} AND o.subject = due.subject
        AND o.published_at IS NULL AND o.retry_at IS NOT NULL
      ORDER BY o.id LIMIT ${dueEventsEach}
    ) AS e`

/** Marks events as published, with their sequence numbers in the stream. */
export const markPublished = async (tx: Transaction, published: PublishedEvent[], now: Date): Promise<void> => {
  if (published.length === 0) return
  const ids = published.map(({ event }) => event.rowId)
  const sequences = published.map(({ sequence }) => (sequence === undefined ? null : BigInt(sequence)))
  await tx.$executeRaw`
    UPDATE outbox o SET published_at = ${now}, stream_seq = p.seq
    FROM unnest(${ids}::bigint[], ${sequences}::bigint[]) AS p(id, seq) WHERE o.id = p.id`
}

/** Counts one more rejection of each event. */
export const markRejected = async (tx: Transaction, rowIds: bigint[], now: Date): Promise<void> => {
  if (rowIds.length === 0) return
  await tx.$executeRaw`
    UPDATE outbox SET attempts = attempts + 1, refused_at = coalesce(refused_at, ${now}) WHERE id = ANY(${rowIds})`
}

/** Time until which a customer's events of one lane are held. */
export interface Hold {
  lane: number
  subject: string
  until: Date
}

/** Holds the given events of these customers, and prolongs the hold of those that are held already. */
export const holdCustomers = async (tx: Transaction, holds: Hold[], rowIds: bigint[]): Promise<void> => {
  if (holds.length === 0) return
  const held = Prisma.sql`unnest(
    ${holds.map(({ lane }) => lane)}::int[], ${holds.map(({ subject }) => subject)}::text[],
    ${holds.map(({ until }) => until)}::timestamptz[]
  ) AS h(lane, subject, until)`
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM ${held}
    WHERE outbox_lane(o.type, o.subject) = h.lane AND o.subject = h.subject
      AND o.published_at IS NULL AND o.retry_at IS NOT NULL`
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM ${held} WHERE o.id = ANY(${rowIds}) AND o.subject = h.subject`
}

/** Holds later events of customers with held events until the same time. */
export const holdBehind = async (tx: Transaction, events: WaitingEvent[]): Promise<void> => {
  if (events.length === 0) return
  const ids = events.map(({ rowId }) => rowId)
  const untils = events.map(({ heldUntil }) => heldUntil)
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM unnest(${ids}::bigint[], ${untils}::timestamptz[]) AS h(id, until)
    WHERE o.id = h.id`
}
