import type { Address } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'

/** An open restore: what is known of the address that its code went to. */
export interface OpenRestore {
  /** Null if an earlier version recorded it. */
  kind: Address['kind'] | null
  /** When an existing customer gained the address; null if it counts as old. */
  youngSince: Date | null
}

/** Ends all restores of these customers, whom the transaction has locked. */
export const endRestores = async (tx: Transaction, customerIds: number[]): Promise<void> => {
  await tx.$executeRaw`DELETE FROM restore_request WHERE customer_id = ANY(${customerIds})`
}

/** Keeps an open restore until a time, if it would end sooner. */
export const keepRestore = async (database: Database, challengeId: string, until: Date): Promise<void> => {
  await database.query(
    (prisma) => prisma.$executeRaw`
      UPDATE restore_request SET expires_at = ${until}::timestamptz
      WHERE challenge_id = ${challengeId}::uuid AND expires_at < ${until}::timestamptz`,
  )
}

/** Deletes records of restores that have expired. */
export const deleteExpiredRestores =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_request', column: 'expires_at' }, now, limit)
