import { type ChainedChange, digestOf, firstPreviousDigest } from './digest.ts'

/** A stored record, with the digest of the record before it. */
export interface StoredChange extends ChainedChange {
  previousDigest: string
}

/** The check that a record fails. */
export type Flaw = 'digest' | 'previous digest' | 'order'

/** The first record that fails a check. */
export interface InvalidRecord {
  customerId: number
  changeId: number
  flaw: Flaw
}

const matchesDigest = ({ previousDigest, digest, ...record }: StoredChange): boolean => {
  try {
    return digestOf(previousDigest, record) === digest
  } catch {
    // An invalid time, such as Postgres' infinity, has no canonical form, so no digest was computed from it.
    return false
  }
}

const flawOf = (record: StoredChange, before: StoredChange | undefined): Flaw | undefined => {
  if (!matchesDigest(record)) return 'digest'
  if (record.previousDigest !== (before?.digest ?? firstPreviousDigest)) return 'previous digest'
  if (before && record.createTime < before.createTime) return 'order'
}

/**
 * Checks records against their chains, customer by customer, in the order in which they were written: by id. It keeps
 * one record in memory.
 */
export const createChainCheck = () => {
  let before: StoredChange | undefined
  let customers = 0
  return {
    /** Checks the next record. @returns undefined if it passes */
    check(record: StoredChange): InvalidRecord | undefined {
      const { customerId, id: changeId } = record
      const isSameCustomer = before?.customerId === customerId
      const flaw = flawOf(record, isSameCustomer ? before : undefined)
      if (flaw) return { customerId, changeId, flaw }
      if (!isSameCustomer) customers += 1
      before = record
    },
    /** Customers whose records were read and passed so far. */
    customers: () => customers,
  }
}
