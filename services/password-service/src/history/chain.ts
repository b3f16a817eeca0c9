import { type ChainedChange, digestOf, firstPreviousDigest } from './digest.ts'
import type { InvalidEntry } from './entry-check.ts'

/** A stored record, with the digest of the record before it. */
export interface StoredChange extends ChainedChange {
  previousDigest: string
  /** Digest of what is left of it, if its customer was erased. */
  erasedDigest: string | null
  /** True if its customer was erased. */
  isErased: boolean
  /** The last record before it that was deleted because of its age, and that record's digest. */
  anchorId: number | null
  anchorDigest: string | null
}

/** The check that a record fails. */
export type Flaw = 'digest' | 'previous digest' | 'order'

/** The first record that fails a check. */
export interface InvalidRecord {
  customerId: number
  changeId: number
  flaw: Flaw | InvalidEntry['flaw']
}

const matchesDigest = ({ previousDigest, digest, erasedDigest, isErased, ...record }: StoredChange): boolean => {
  try {
    // What was erased cannot be verified; what is left can, and the digests of the chain.
    if (erasedDigest !== null) return isErased && digestOf(digest, record) === erasedDigest
    return digestOf(previousDigest, record) === digest
  } catch {
    // An invalid time, such as Postgres' infinity, has no canonical form, so no digest was computed from it.
    return false
  }
}

const flawOf = (record: StoredChange, before: StoredChange | undefined): Flaw | undefined => {
  if (!matchesDigest(record)) return 'digest'
  const { anchorId, anchorDigest } = record
  if (record.previousDigest !== (before?.digest ?? anchorDigest ?? firstPreviousDigest)) return 'previous digest'
  if (anchorId !== null && record.id <= anchorId) return 'order'
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
