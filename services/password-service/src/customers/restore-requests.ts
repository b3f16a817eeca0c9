import type { Address } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { codeColumns, type LoggedCode, logMessages } from '../messages/message.ts'

interface RestoreRequest {
  customerId: number
  /** The address that the code goes to. */
  address: Address
  /** The code that is about to be sent. */
  code: LoggedCode
  /** When the record is no longer needed. */
  expiresAt: Date
}

/** An open restore: what is known of the address that its code went to. */
export interface OpenRestore {
  /** Null if an earlier version recorded it. */
  kind: Address['kind'] | null
  /** When an existing customer gained the address; null if it counts as old. */
  youngSince: Date | null
}

/**
 * Records whose restore a challenge is, and logs its code as a message to that customer (B13). Repeated for a later code,
 * it extends the record and keeps its customer. The code of a blocked customer is logged as suppressed; of nobody, nothing
 * is left.
 *
 * @returns false if the customer is blocked or lost the address since
 */
export const recordRestore = async (
  database: Database,
  { customerId, address: { kind, value }, code, expiresAt }: RestoreRequest,
): Promise<boolean> => {
  const suppression = Prisma.sql`CASE WHEN status = 'blocked' THEN 'blocked' ELSE '' END`
  const messages = Prisma.sql`
    SELECT id AS customer_id, ${codeColumns(code, suppression)} FROM owner
    WHERE status = 'blocked' OR EXISTS (SELECT FROM recorded)`
  // FOR SHARE: a transaction that blocks the customer or removes the address commits before this, or ends this restore.
  const [row] = await database.query(
    (prisma) => prisma.$queryRaw<[{ recorded: number }]>`
      WITH owner AS (
        SELECT c.id, c.status, i.kind AS address_kind, i.young_since
        FROM customer c JOIN identifier i ON i.customer_id = c.id
        WHERE i.value = ${value} AND i.kind = ${kind}::identifier_kind AND i.verified_at IS NOT NULL
        FOR SHARE
      ), recorded AS (
        INSERT INTO restore_request (challenge_id, customer_id, expires_at, kind, young_since)
        SELECT ${code.challengeId}::uuid, id, ${expiresAt}::timestamptz, address_kind, young_since FROM owner
        WHERE id = ${customerId} AND status = 'active'
        ON CONFLICT (challenge_id) DO UPDATE SET expires_at = GREATEST(restore_request.expires_at, EXCLUDED.expires_at)
        RETURNING 1
      ), logged AS (${logMessages(messages)})
      SELECT count(*)::int AS recorded FROM recorded`,
  )
  return row.recorded > 0
}

/** Ends all restores of these customers, whom the transaction has locked. */
export const endRestores = async (tx: Transaction, customerIds: number[]): Promise<void> => {
  await tx.$executeRaw`DELETE FROM restore_request WHERE customer_id = ANY(${customerIds})`
}

/**
 * Ends the restores of a locked customer except one: somebody else may have their codes.
 *
 * @returns that one; undefined if it has ended
 */
export const endRestoresExcept = async (
  tx: Transaction,
  customerId: number,
  challengeId: string,
): Promise<OpenRestore | undefined> => {
  await tx.restoreRequest.deleteMany({ where: { customerId, challengeId: { not: challengeId } } })
  const select = { kind: true, youngSince: true }
  return (await tx.restoreRequest.findFirst({ where: { customerId, challengeId }, select })) ?? undefined
}

/** Deletes records of restores that have expired. */
export const deleteExpiredRestores =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_request', column: 'expires_at' }, now, limit)
