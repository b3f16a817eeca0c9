import type { Transaction } from '../database.ts'
import { type ChainedChange, type ChangeRecord, digestOf } from './digest.ts'

/** Takes the place of what identifies a person, as in the function erase_customer of the migrations. */
const erased = 'erased'

/** What is left of a record once its customer was erased: without the customer's code and address, and staff's own words. */
const withoutPerson = <R extends ChangeRecord>(record: R): R => ({
  ...record,
  actorId: record.actor === 'client' ? erased : record.actorId,
  ip: record.actor === 'client' ? erased : record.ip,
  reason: null,
})

/**
 * Digest of what is left of a record, chained to the digest that it had: the chain of a customer can be verified without
 * what was erased.
 */
export const erasedDigestOf = ({ digest, ...record }: ChainedChange): string => digestOf(digest, withoutPerson(record))

/** The ids of a locked customer's records, and the digest of what an erasure leaves of each. */
export const erasedDigests = async (
  tx: Transaction,
  customerId: number,
): Promise<{ ids: number[]; digests: string[] }> => {
  const records = await tx.passwordChange.findMany({
    where: { customerId },
    orderBy: [{ createTime: 'asc' }, { id: 'asc' }],
  })
  return { ids: records.map(({ id }) => id), digests: records.map(erasedDigestOf) }
}
