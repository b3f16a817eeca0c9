import type { ChallengeVerified } from '@rekey/contracts'
import type { Received } from '@rekey/platform/consume-together'
import { LaterError } from '@rekey/platform/consumer'
import type { Database } from '../database.ts'
import { prepared } from '../statements.ts'
import { answeredAt } from './answered-at.ts'
import { forgivenUpTo } from './failed-attempts.store.ts'
import type { FailuresSeen } from './failures-seen.ts'
import { lockoutsAfter, wasLockedOut } from './lockout.ts'

interface Deps {
  /** That of the background loops. */
  loops: Database
  failuresSeen: FailuresSeen
  /** Divides the duration of lockouts. */
  scale: number
}

type Event = Received<typeof ChallengeVerified>

/** How long an event waits whose customer another transaction has locked. */
const busyMs = 20

/**
 * Locks the customers whose restores these challenges are. One whom another transaction has locked is skipped: the codes of
 * all others would wait for it, and two instances could deadlock.
 */
const lockRestored = prepared<{ customerId: number | null; isLocked: boolean }, [challenges: string]>(
  'lock_restored',
  `WITH answered AS (
    SELECT place, (SELECT customer_id FROM restore_request WHERE challenge_id = a.challenge_id) AS customer_id
    FROM json_to_recordset($1::json) AS a (place int, challenge_id uuid)
  ), locked AS MATERIALIZED (
    SELECT id FROM customer WHERE id = ANY (ARRAY(SELECT customer_id FROM answered)) FOR NO KEY UPDATE SKIP LOCKED
  )
  SELECT customer_id AS "customerId", customer_id IN (SELECT id FROM locked) IS TRUE AS "isLocked"
  FROM answered ORDER BY place`,
)

/** Reads, after the lock, the times of the customers' wrong codes. */
const readFailures = prepared<{ customerId: number; failures: Date[] | null }, [customerIds: number[]]>(
  'read_failures',
  `SELECT id AS "customerId", (SELECT array_agg(failed_at) FROM restore_failure WHERE customer_id = id) AS failures
  FROM unnest($1::int[]) AS id`,
)

const forgive = prepared<never, [customers: string]>(
  'forgive_failures',
  `WITH given AS (
    SELECT * FROM json_to_recordset($1::json) AS g (customer_id int, at timestamptz)
  ), forgiven AS (
    DELETE FROM restore_failure AS f USING given WHERE f.customer_id = given.customer_id AND f.failed_at <= given.at
  )
  UPDATE customer SET ${forgivenUpTo('given.at')} FROM given WHERE id = given.customer_id`,
)

/**
 * The time up to which a customer's right codes reset the failed attempts: each resets those before it, unless it was
 * given during a lockout (S6). Undefined if none resets any.
 */
export const resetUpTo = (failures: readonly Date[], rightAt: readonly Date[], scale: number): Date | undefined => {
  let left = failures
  let upTo: Date | undefined
  for (const at of rightAt.toSorted((one, other) => one.getTime() - other.getTime())) {
    if (wasLockedOut(lockoutsAfter(left, scale), at)) continue
    left = left.filter((failedAt) => failedAt > at)
    upTo = at
  }
  return upTo
}

interface RightCode {
  event: Event
  at: Date
}

/**
 * Returns the function that resets failed attempts before right codes, for all that wait in one transaction. It waits for
 * the wrong codes before them: otherwise one could reset nine before the tenth has arrived (S42). A right code of an
 * unknown username takes part in the same statements (S12). Safe to repeat.
 *
 * It returns for each event why it failed, as `consumeTogether` demands, and throws a RekeyError unavailable.
 */
export const createRightCodes = ({ loops, failuresSeen, scale }: Deps) => {
  /** Resets the attempts before these codes. @returns those whose customer is busy */
  const reset = (codes: readonly RightCode[]): Promise<RightCode[]> =>
    loops.runTransaction(async (run) => {
      const challenges = codes.map(({ event }, place) => ({ place, challenge_id: event.data.challengeId }))
      const owners = await run(lockRestored, JSON.stringify(challenges))
      const ownerOf = new Map(codes.map((code, place) => [code, owners[place]]))
      const byCustomer = Map.groupBy(
        codes.filter((code) => ownerOf.get(code)?.isLocked),
        (code) => ownerOf.get(code)?.customerId as number,
      )
      const customers = await run(readFailures, [...byCustomer.keys()])
      const given = customers.map(({ customerId, failures }) => {
        const rightAt = (byCustomer.get(customerId) ?? []).map(({ at }) => at)
        return { customer_id: customerId, at: resetUpTo(failures ?? [], rightAt, scale) }
      })
      await run(forgive, JSON.stringify(given.filter(({ at }) => at !== undefined)))
      return codes.filter((code) => {
        const { customerId = null, isLocked = false } = ownerOf.get(code) ?? {}
        return customerId !== null && !isLocked
      })
    })

  return async (events: readonly Event[]): Promise<unknown[]> => {
    const errors = new Map<Event, unknown>()
    const codes = events.flatMap((event): RightCode[] => {
      if (event.data.purpose !== 'restore') return []
      try {
        return [{ event, at: answeredAt(event.time) }]
      } catch (error) {
        errors.set(event, error)
        return []
      }
    })
    if (codes.length > 0) {
      await failuresSeen()
      for (const { event } of await reset(codes)) errors.set(event, new LaterError(busyMs))
    }
    return events.map((event) => errors.get(event))
  }
}
