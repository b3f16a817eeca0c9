import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** An event that committed and waits for the broker. */
export interface WaitingEvent {
  rowId: bigint
  eventId: string
  type: string
  /** The customer's code. */
  subject: string
  data: object
  traceparent: string | null
  createdAt: Date
  /** How often the broker refused it, and since when. */
  attempts: number
  refusedAt: Date | null
  /** When held events of the same customer and lane are tried again; null where none is held. */
  heldUntil: Date | null
}

/** A lane with something to do now. */
export interface LaneWork {
  lane: number
  /** The first event after the cursor; null where only held events are due. */
  firstId: bigint | null
  /** Whether held events are due. */
  due: boolean
}

/** Lanes with events after their cursor, or with held ones that are due. */
export const findWork = (loops: Database, from: ReadonlyMap<number, bigint>, now: Date): Promise<LaneWork[]> =>
  // Each look is LATERAL with a LIMIT of its own: an EXISTS could become a hash of everything that waits.
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

/** Keeps the locks of lanes apart from other advisory locks. */
const laneLocks = 7_281_402

/** Takes a lane for this transaction. @returns false where another relay has it */
export const lockLane = async (tx: Transaction, lane: number): Promise<boolean> => {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    SELECT pg_try_advisory_xact_lock(${laneLocks}::int, ${lane}::int) AS locked`
  return row.locked
}

const columns = Prisma.sql`
  o.id AS "rowId", o.event_id::text AS "eventId", o.type, o.subject, o.data, o.traceparent, o.created_at AS "createdAt",
  o.attempts, o.refused_at AS "refusedAt"`

/** The first events of a lane after an id, in order. */
export const readLane = (
  tx: Transaction,
  { lane, after, size }: { lane: number; after: bigint; size: number },
): Promise<WaitingEvent[]> =>
  tx.$queryRaw<WaitingEvent[]>`
    SELECT ${columns}, held.retry_at AS "heldUntil"
    FROM outbox o LEFT JOIN LATERAL (
      SELECT h.retry_at FROM outbox h
      WHERE outbox_lane(h.type, h.subject) = ${lane} AND h.subject = o.subject
        AND h.published_at IS NULL AND h.retry_at IS NOT NULL
      LIMIT 1
    ) AS held ON true
    WHERE outbox_lane(o.type, o.subject) = ${lane} AND o.published_at IS NULL AND o.retry_at IS NULL AND o.id > ${after}
    ORDER BY o.id LIMIT ${size}`

/** Customers whose held events are tried at a time, and events of each. */
const dueCustomers = 20
const dueEventsEach = 20

/** Held events that are due, those of each customer in order. */
export const readDue = (tx: Transaction, lane: number, now: Date): Promise<WaitingEvent[]> =>
  tx.$queryRaw<WaitingEvent[]>`
    SELECT e.* FROM (
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

export const notePublished = async (tx: Transaction, rowIds: bigint[], now: Date): Promise<void> => {
  if (rowIds.length === 0) return
  await tx.$executeRaw`UPDATE outbox SET published_at = ${now} WHERE id = ANY(${rowIds})`
}

/** Counts a refusal of each event. */
export const noteRefused = async (tx: Transaction, rowIds: bigint[], now: Date): Promise<void> => {
  if (rowIds.length === 0) return
  await tx.$executeRaw`
    UPDATE outbox SET attempts = attempts + 1, refused_at = coalesce(refused_at, ${now}) WHERE id = ANY(${rowIds})`
}

/** Until when a customer's events are held. */
export interface Hold {
  subject: string
  until: Date
}

/** Holds events of these customers in a lane: those given, and those that are held already. */
export const holdCustomers = async (tx: Transaction, lane: number, holds: Hold[], rowIds: bigint[]): Promise<void> => {
  if (holds.length === 0) return
  const until = Prisma.sql`unnest(
    ${holds.map(({ subject }) => subject)}::text[], ${holds.map(({ until }) => until)}::timestamptz[]
  ) AS h(subject, until)`
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM ${until}
    WHERE outbox_lane(o.type, o.subject) = ${lane} AND o.subject = h.subject
      AND o.published_at IS NULL AND o.retry_at IS NOT NULL`
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM ${until} WHERE o.id = ANY(${rowIds}) AND o.subject = h.subject`
}

/** Holds later events of customers who have held ones, for as long as those. */
export const holdBehind = async (tx: Transaction, events: WaitingEvent[]): Promise<void> => {
  if (events.length === 0) return
  const ids = events.map(({ rowId }) => rowId)
  const untils = events.map(({ heldUntil }) => heldUntil)
  await tx.$executeRaw`
    UPDATE outbox o SET retry_at = h.until FROM unnest(${ids}::bigint[], ${untils}::timestamptz[]) AS h(id, until)
    WHERE o.id = h.id`
}
