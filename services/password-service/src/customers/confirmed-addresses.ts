import type { Address } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** SQL for the confirmed addresses of the customer `c`, as JSON: e-mail before phone, the oldest first. */
export const confirmedAddressesSql = Prisma.sql`(
  SELECT coalesce(json_agg(json_build_object('kind', i.kind, 'value', i.value) ORDER BY i.kind, i.id), '[]')
  FROM identifier i WHERE i.customer_id = c.id AND i.verified_at IS NOT NULL
)`

/** SQL for those of them that are not young: the customer gained none of them after a time (S43). */
export const confirmedOldAddressesSql = (oldSince: string) => `(
  SELECT coalesce(json_agg(json_build_object('kind', i.kind, 'value', i.value) ORDER BY i.kind, i.id), '[]')
  FROM identifier i WHERE i.customer_id = c.id AND i.verified_at IS NOT NULL
    AND (i.young_since IS NULL OR i.young_since <= ${oldSince}::timestamptz)
)`

/** The confirmed addresses of each of these customers: e-mail before phone, the oldest first. */
export const confirmedAddressesOfMany = async (
  tx: Transaction,
  customerIds: number[],
): Promise<Map<number, Address[]>> => {
  const rows = await tx.$queryRaw<{ id: number; addresses: Address[] }[]>`
    SELECT c.id, ${confirmedAddressesSql} AS addresses FROM customer c WHERE c.id = ANY(${customerIds})`
  return new Map(rows.map(({ id, addresses }) => [id, addresses]))
}

/** The confirmed addresses of one customer, in the same order. */
export const confirmedAddresses = async (tx: Transaction, customerId: number): Promise<Address[]> =>
  (await confirmedAddressesOfMany(tx, [customerId])).get(customerId) ?? []
