import type { Transaction } from '../database.ts'

const withEvents = new WeakSet<Transaction>()

/** Records that a transaction added events. */
export const noteEvents = (tx: Transaction): void => {
  withEvents.add(tx)
}

/** True if a transaction added events: the relays are to be woken after its commit. */
export const hasEvents = (tx: Transaction): boolean => withEvents.has(tx)
