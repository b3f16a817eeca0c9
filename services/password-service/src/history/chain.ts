import { type ChainedChange, digestOf, firstPreviousDigest } from './digest.ts'

/** A record with what it stands on, as it is stored. */
export interface StoredChange extends ChainedChange {
  previousDigest: string
}

/** Why a record does not hold. */
export type Flaw = 'digest' | 'previous digest' | 'order'

/** The first record that does not hold. */
export interface Fault {
  customerId: number
  changeId: number
  flaw: Flaw
}

const saysWhatWasWritten = ({ previousDigest, digest, ...record }: StoredChange): boolean => {
  try {
    return digestOf(previousDigest, record) === digest
  } catch {
    // A time that is none, such as Postgres' infinity, has no canonical form: nobody wrote it by way of a digest.
    return false
  }
}

const flawOf = (record: StoredChange, before: StoredChange | undefined): Flaw | undefined => {
  if (!saysWhatWasWritten(record)) return 'digest'
  if (record.previousDigest !== (before?.digest ?? firstPreviousDigest)) return 'previous digest'
  if (before && record.createTime < before.createTime) return 'order'
}

/**
 * Holds records against their chains, one after the other, customer by customer, in the order in which they were
 * written: by id. No more than one record is kept.
 */
export const createChainCheck = () => {
  let before: StoredChange | undefined
  let customers = 0
  return {
    /** @returns what is wrong with the next record, if anything is */
    check(record: StoredChange): Fault | undefined {
      const { customerId, id: changeId } = record
      const isSameCustomer = before?.customerId === customerId
      const flaw = flawOf(record, isSameCustomer ? before : undefined)
      if (flaw) return { customerId, changeId, flaw }
      if (!isSameCustomer) customers += 1
      before = record
    },
    /** Customers whose records were seen and hold so far. */
    customers: () => customers,
  }
}
