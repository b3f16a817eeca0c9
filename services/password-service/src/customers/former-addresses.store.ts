import { type Address, maskAddress } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { StoredCustomer } from './upserts.store.ts'

/** A confirmed address that a customer lost and that is not notified yet. */
export interface LostAddress extends Address {
  id: number
  customerId: number
  code: string
  locale: string
  timezone: string
  removedAt: Date
  /** Masked addresses that the customer gained in the same change. */
  replacedBy: string[]
}

/** Records the confirmed addresses that these customers lost, in the transaction of the loss: a loop notifies each. */
export const recordLosses = async (tx: Transaction, stored: StoredCustomer[], removedAt: Date): Promise<void> => {
  const data = stored.flatMap(({ id, added, removed }) =>
    removed.map(({ kind, value }) => ({ customerId: id, kind, value, removedAt, replacedBy: added.map(maskAddress) })),
  )
  if (data.length > 0) await tx.formerAddress.createMany({ data })
}

/**
 * SQL for the addresses that the customer `c` lost after a time, as JSON, to be told of a new password (S43). One that
 * somebody has confirmed since is left out: it may be another person's by now.
 */
export const formerAddressesSql = (after: string) => `(
  SELECT coalesce(json_agg(DISTINCT jsonb_build_object('kind', f.kind, 'value', f.value)), '[]')
  FROM former_address f
  WHERE f.customer_id = c.id AND f.removed_at > ${after}::timestamptz
    AND NOT EXISTS (SELECT 1 FROM identifier i WHERE i.value = f.value AND i.verified_at IS NOT NULL)
)`

/**
 * Locks the first lost addresses that are not notified yet, with their customers. Skips those that another transaction
 * has locked, such as another instance.
 */
export const lockLosses = (tx: Transaction, limit: number): Promise<LostAddress[]> =>
  tx.$queryRaw<LostAddress[]>`
    SELECT f.id, f.customer_id AS "customerId", c.code, c.locale, c.timezone, f.kind::text AS kind, f.value,
           f.removed_at AS "removedAt", f.replaced_by AS "replacedBy"
    FROM former_address f JOIN customer c ON c.id = f.customer_id
    WHERE f.notified_at IS NULL ORDER BY f.id LIMIT ${limit} FOR NO KEY UPDATE SKIP LOCKED`

export const markNotified = async (tx: Transaction, losses: LostAddress[], notifiedAt: Date): Promise<void> => {
  await tx.formerAddress.updateMany({ where: { id: { in: losses.map(({ id }) => id) } }, data: { notifiedAt } })
}

/** Deletes lost addresses that are told of nothing more. */
export const deleteFormerAddresses =
  (loops: Database, keptForMs: number): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'former_address', column: 'removed_at', where: Prisma.sql`notified_at IS NOT NULL` },
      new Date(now.getTime() - keptForMs),
      limit,
    )
