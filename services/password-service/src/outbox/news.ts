const withEvents = new WeakSet<object>()

/** Records that a transaction added events. */
export const noteEvents = (tx: object): void => {
  withEvents.add(tx)
}

/** True if a transaction added events: the relays are to be woken after its commit. */
export const hasEvents = (tx: object): boolean => withEvents.has(tx)
