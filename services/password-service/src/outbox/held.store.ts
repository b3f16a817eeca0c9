import { prepared, type RunStatement } from '../statements.ts'
import type { WaitingEvent } from './relay.store.ts'

// Events that the broker rejected, and later ones of the same customers.

const updateRejected = prepared<never, [ids: bigint[], now: Date]>(
  'mark_rejected',
  `UPDATE outbox SET attempts = attempts + 1, refused_at = coalesce(refused_at, $2::timestamptz)
  WHERE id = ANY($1::bigint[])`,
)

/** Counts one more rejection of each event. */
export const markRejected = async (run: RunStatement, rowIds: bigint[], now: Date): Promise<void> => {
  if (rowIds.length > 0) await run(updateRejected, rowIds, now)
}

/** Time until which a customer's events of one lane are held. */
export interface Hold {
  lane: number
  subject: string
  until: Date
}

const heldCustomers = 'unnest($1::int[], $2::text[], $3::timestamptz[]) AS h(lane, subject, until)'
type HeldCustomers = [lanes: number[], subjects: string[], untils: Date[]]

const prolongHolds = prepared<never, HeldCustomers>(
  'prolong_holds',
  `UPDATE outbox o SET retry_at = h.until FROM ${heldCustomers} CROSS JOIN LATERAL (
    SELECT id FROM outbox
    WHERE outbox_lane(type, subject) = h.lane AND subject = h.subject AND published_at IS NULL AND retry_at IS NOT NULL
    ORDER BY outbox_lane(type, subject), subject, id
  ) AS e
  WHERE o.id = e.id`,
)

const holdEvents = prepared<never, [...HeldCustomers, ids: bigint[]]>(
  'hold_events',
  `UPDATE outbox o SET retry_at = h.until FROM ${heldCustomers} WHERE o.id = ANY($4::bigint[]) AND o.subject = h.subject`,
)

/** Holds the given events of these customers, and prolongs the hold of those that are held already. */
export const holdCustomers = async (run: RunStatement, holds: Hold[], rowIds: bigint[]): Promise<void> => {
  if (holds.length === 0) return
  const held = [
    holds.map(({ lane }) => lane),
    holds.map(({ subject }) => subject),
    holds.map(({ until }) => until),
  ] as const
  await run(prolongHolds, ...held)
  await run(holdEvents, ...held, rowIds)
}

const holdUntil = prepared<never, [ids: bigint[], untils: (Date | null)[]]>(
  'hold_behind',
  `UPDATE outbox o SET retry_at = h.until FROM unnest($1::bigint[], $2::timestamptz[]) AS h(id, until) WHERE o.id = h.id`,
)

/** Holds later events of customers with held events until the same time. */
export const holdBehind = async (run: RunStatement, events: WaitingEvent[]): Promise<void> => {
  if (events.length === 0) return
  const ids = events.map(({ rowId }) => rowId)
  const untils = events.map(({ heldUntil }) => heldUntil)
  await run(holdUntil, ids, untils)
}
