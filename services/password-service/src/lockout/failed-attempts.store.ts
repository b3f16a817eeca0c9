import type { Address } from '@rekey/contracts'
import { ownerOf } from '../customers/reference.ts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** A wrong code of a restore. */
export interface FailedAttempt {
  challengeId: string
  /** The number of this wrong code within its challenge, as the gateway counted. */
  attempt: number
  failedAt: Date
}

/** Identifies the customer of a wrong code whose challenge is no known restore. */
export interface FailureOwner {
  /** The address that the restore names. */
  address?: Address | undefined
  /** Code of the customer whose second proof it was. */
  customer?: string | undefined
}

/** A challenge whose customer is unknown for this long stays unknown: its request was dropped when its code expired. */
const claimableForMs = 30 * 60_000

/** The stored number of a wrong code whose own number is taken: above those of a gateway, and another each millisecond. */
const numberByTime = ({ failedAt }: FailedAttempt): number => 1_000 + (failedAt.getTime() % 2_000_000_000)

/**
 * Records a wrong code before its customer is known: requests and answers arrive in any order. Safe to repeat.
 *
 * The gateway counts in Redis: whoever can write there, and a failover that loses the last seconds, make it give a number
 * twice. A wrong code of another time is another one all the same: otherwise a writer of Redis guesses without an end.
 */
export const recordFailedAttempt = async (database: Database, failed: FailedAttempt): Promise<void> => {
  const { challengeId, attempt, failedAt } = failed
  const recorded = await database.query((prisma) =>
    prisma.restoreFailure.createMany({ data: failed, skipDuplicates: true }),
  )
  if (recorded.count > 0) return
  await database.query(
    (prisma) => prisma.$executeRaw`
      INSERT INTO restore_failure (challenge_id, attempt, failed_at)
      SELECT ${challengeId}::uuid, ${numberByTime(failed)}::int, ${failedAt}::timestamptz
      WHERE NOT EXISTS (
        SELECT FROM restore_failure
        WHERE challenge_id = ${challengeId}::uuid AND attempt = ${attempt}::int AND failed_at = ${failedAt}::timestamptz
      )
      ON CONFLICT DO NOTHING`,
  )
}

/** Times of the customer's wrong codes since the last successful restore. */
export const failedAttemptTimes = async (tx: Transaction, customerId: number): Promise<Date[]> => {
  const rows = await tx.restoreFailure.findMany({ select: { failedAt: true }, where: { customerId } })
  return rows.map(({ failedAt }) => failedAt)
}

/**
 * Finds the customer whose wrong codes these are, if some are not counted yet: the challenge's, or before its request was
 * handled the customer who has confirmed the address that it names.
 */
export const findUncounted = async (
  database: Database,
  challengeId: string,
  { address, customer }: FailureOwner = {},
): Promise<number | undefined> => {
  const byAddress = address ? ownerOf(address) : Prisma.sql`NULL`
  const byCode =
    customer === undefined ? Prisma.sql`NULL` : Prisma.sql`(SELECT id FROM customer WHERE code = ${customer})`
  const [row] = await database.query(
    (prisma) => prisma.$queryRaw<{ id: number | null }[]>`
      SELECT coalesce(
        (SELECT customer_id FROM restore_request WHERE challenge_id = ${challengeId}::uuid), ${byCode}, ${byAddress}
      ) AS id
      FROM restore_failure WHERE challenge_id = ${challengeId}::uuid AND customer_id IS NULL LIMIT 1`,
  )
  return row?.id ?? undefined
}

/**
 * Counts the recorded wrong codes of a challenge against its locked customer, each once. Those up to `forgivenAt` are
 * deleted instead.
 *
 * @returns the times of those counted now
 */
export const claimFailedAttempts = async (
  tx: Transaction,
  challengeId: string,
  { id, forgivenAt }: { id: number; forgivenAt: Date | null },
): Promise<Date[]> => {
  await tx.$executeRaw`
    DELETE FROM restore_failure
    WHERE challenge_id = ${challengeId}::uuid AND customer_id IS NULL AND failed_at <= ${forgivenAt}::timestamptz`
  // The condition again: a wrong code may have been recorded since the DELETE. Its own event deletes it.
  const counted = await tx.$queryRaw<{ failedAt: Date }[]>`
    UPDATE restore_failure SET customer_id = ${id}
    WHERE challenge_id = ${challengeId}::uuid AND customer_id IS NULL
      AND failed_at > COALESCE(${forgivenAt}::timestamptz, '-infinity')
    RETURNING failed_at AS "failedAt"`
  return counted.map(({ failedAt }) => failedAt)
}

/** SQL of an UPDATE of customers: wrong codes up to a time do not count; with NULL the customer stays as it is. */
export const forgivenUpTo = (at: string) => `forgiven_at = GREATEST(forgiven_at, ${at}::timestamptz)`

/** Resets the failed attempts of a locked customer up to a time. @returns how many there were */
export const resetFailedAttempts = async (tx: Transaction, customerId: number, at: Date): Promise<number> => {
  await tx.$executeRaw`
    UPDATE customer SET forgiven_at = GREATEST(forgiven_at, ${at}::timestamptz) WHERE id = ${customerId}`
  return (await tx.restoreFailure.deleteMany({ where: { customerId, failedAt: { lte: at } } })).count
}

/** Deletes wrong codes of challenges whose customer stays unknown. */
export const deleteUnclaimedFailures =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'restore_failure', column: 'failed_at', where: Prisma.sql`customer_id IS NULL` },
      new Date(now.getTime() - claimableForMs),
      limit,
    )
