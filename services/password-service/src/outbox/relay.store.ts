import type { Database } from '../database.ts'
import { prepared, type RunStatement } from '../statements.ts'

// A connection keeps the plans of these statements, also those that it made while the outbox was empty. No table size makes
// one of them wrong: ordered by lane and id, with sorts off (`loopOptions`), rows can come by the lane's index only.

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

// LATERAL with LIMIT reads one row of each lane: for EXISTS the planner could hash all waiting events.
const selectWork = prepared<
  { lane: number; firstId: string | null; due: boolean },
  [lanes: number[], after: bigint[], now: Date]
>(
  'find_work',
  `SELECT l.lane, first.id AS "firstId", due.id IS NOT NULL AS due
  FROM unnest($1::int[], $2::bigint[]) AS l(lane, after)
  LEFT JOIN LATERAL (
    SELECT id FROM outbox
    WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at IS NULL AND id > l.after
    ORDER BY outbox_lane(type, subject), id LIMIT 1
  ) AS first ON true
  LEFT JOIN LATERAL (
    SELECT id FROM outbox
    WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at <= $3::timestamptz
    ORDER BY outbox_lane(type, subject), retry_at LIMIT 1
  ) AS due ON true
  WHERE first.id IS NOT NULL OR due.id IS NOT NULL`,
)

/** Finds lanes with events after their cursor, or with held events that are due. */
export const findWork = async (loops: Database, from: ReadonlyMap<number, bigint>, now: Date): Promise<LaneWork[]> => {
  const rows = await loops.run(selectWork, [...from.keys()], [...from.values()], now)
  return rows.map((row) => ({ ...row, firstId: row.firstId === null ? null : BigInt(row.firstId) }))
}

/** Class of the advisory locks of lanes: separates them from other advisory locks. */
const laneLocks = 7_281_402

const tryLanes = prepared<{ lane: number }, [lanes: number[]]>(
  'try_lanes',
  `SELECT lane FROM unnest($1::int[]) AS l(lane) WHERE pg_try_advisory_xact_lock(${laneLocks}, lane)`,
)

/**
 * Locks lanes for this transaction. A statement of its own: one that also read the events would read them as they were
 * before the lock.
 *
 * @returns those that no other relay has locked
 */
export const lockLanes = async (run: RunStatement, lanes: number[]): Promise<number[]> =>
  (await run(tryLanes, lanes)).map(({ lane }) => lane)

/** Locks a lane for this transaction, after the relay that has it. */
const waitForLane = prepared<object, [lane: number]>(
  'wait_for_lane',
  `SELECT pg_advisory_xact_lock(${laneLocks}, $1::int)`,
)

/** Events of a stream that the broker acknowledged and does not have. */
export interface Lost {
  lane: number
  /** The stream's last sequence number before anything was published on this connection. */
  lastSequence: number
}

/** Most events that one statement makes wait again. */
const lostAtOnce = 1_000

const updateLost = prepared<object, [lane: number, lastSequence: number]>(
  'offer_lost',
  `UPDATE outbox SET published_at = NULL, stream_seq = NULL WHERE id = ANY(ARRAY(
    SELECT id FROM outbox
    WHERE outbox_lane(type, subject) = $1::int AND stream_seq > $2::bigint
    ORDER BY outbox_lane(type, subject), stream_seq LIMIT ${lostAtOnce}
  )) RETURNING id`,
)

/**
 * Makes published events wait again whose sequence number is beyond the stream's last one: the broker lost them.
 *
 * @returns how many there were in one bounded step; fewer than `lostAtOnce` were the last
 */
export const offerLost = (loops: Database, { lane, lastSequence }: Lost): Promise<number> =>
  loops.runTransaction(async (run) => {
    await run(waitForLane, lane)
    return (await run(updateLost, lane, lastSequence)).length
  })

/** True if a step of `offerLost` was the last. */
export const wasLast = (offered: number): boolean => offered < lostAtOnce

/** A WaitingEvent, as `pg` reads it. */
type Row = Omit<WaitingEvent, 'rowId'> & { rowId: string }

const toEvent = (row: Row): WaitingEvent => ({ ...row, rowId: BigInt(row.rowId) })

const columns = `
  o.id AS "rowId", o.event_id::text AS "eventId", o.type, o.subject, o.data, o.traceparent, o.created_at AS "createdAt",
  o.attempts, o.refused_at AS "refusedAt"`

const selectWaiting = prepared<Row, [lanes: number[], after: bigint[], size: number]>(
  'read_lanes',
  `SELECT l.lane, e.*, held.retry_at AS "heldUntil"
  FROM unnest($1::int[], $2::bigint[]) AS l(lane, after)
  CROSS JOIN LATERAL (
    SELECT ${columns} FROM outbox o
    WHERE outbox_lane(o.type, o.subject) = l.lane AND o.published_at IS NULL AND o.retry_at IS NULL AND o.id > l.after
    ORDER BY outbox_lane(o.type, o.subject), o.id LIMIT $3::int
  ) AS e
  LEFT JOIN LATERAL (
    SELECT h.retry_at FROM outbox h
    WHERE outbox_lane(h.type, h.subject) = l.lane AND h.subject = e.subject
      AND h.published_at IS NULL AND h.retry_at IS NOT NULL
    ORDER BY outbox_lane(h.type, h.subject), h.subject, h.id LIMIT 1
  ) AS held ON true`,
)

/** The first events of each lane after an id, in order. */
export const readLanes = async (
  run: RunStatement,
  { lanes, from, size }: { lanes: number[]; from: ReadonlyMap<number, bigint>; size: number },
): Promise<WaitingEvent[]> => {
  const after = lanes.map((lane) => from.get(lane) ?? 0n)
  const events = (await run(selectWaiting, lanes, after, size)).map(toEvent)
  // SQL promises no order of a join, and ORDER BY would sort all that wait if the planner chose another plan.
  return events.toSorted((one, other) => Number(one.rowId - other.rowId))
}

/** Customers whose held events are retried in one batch, and events of each. */
const dueCustomers = 20
const dueEventsEach = 20

const selectDue = prepared<Row, [lane: number, now: Date]>(
  'read_due',
  `SELECT $1::int AS lane, e.* FROM (
    SELECT DISTINCT subject FROM (
      SELECT subject FROM outbox
      WHERE outbox_lane(type, subject) = $1::int AND published_at IS NULL AND retry_at <= $2::timestamptz
      ORDER BY outbox_lane(type, subject), retry_at LIMIT ${dueCustomers}
    ) AS earliest
  ) AS due CROSS JOIN LATERAL (
    SELECT ${columns}, NULL::timestamptz AS "heldUntil" FROM outbox o
    WHERE outbox_lane(o.type, o.subject) = $1::int AND o.subject = due.subject
      AND o.published_at IS NULL AND o.retry_at IS NOT NULL
    ORDER BY outbox_lane(o.type, o.subject), o.subject, o.id LIMIT ${dueEventsEach}
  ) AS e`,
)

/** Held events whose retry is due; those of each customer in order. */
export const readDue = async (run: RunStatement, lane: number, now: Date): Promise<WaitingEvent[]> =>
  (await run(selectDue, lane, now)).map(toEvent)

const updatePublished = prepared<never, [ids: bigint[], sequences: (number | null)[], now: Date]>(
  'mark_published',
  `UPDATE outbox o SET published_at = $3::timestamptz, stream_seq = p.seq
  FROM unnest($1::bigint[], $2::bigint[]) AS p(id, seq) WHERE o.id = p.id`,
)

/** Marks events as published, with their sequence numbers in the stream. */
export const markPublished = async (run: RunStatement, published: PublishedEvent[], now: Date): Promise<void> => {
  if (published.length === 0) return
  const ids = published.map(({ event }) => event.rowId)
  const sequences = published.map(({ sequence }) => sequence ?? null)
  await run(updatePublished, ids, sequences, now)
}
