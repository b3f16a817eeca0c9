import { type Address, challengeType, type FieldError, IdentifiersChanged } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import type { GivenCustomer } from './customer-record.ts'
import type { StoredCustomer, UpsertStore } from './upserts.store.ts'

interface Deps {
  store: UpsertStore
  /** Within the customers' locks: ends all their restores. */
  endRestores(tx: Transaction, customerIds: number[]): Promise<void>
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, createdAt: Date, all: { subject: string; events: NewEvent[] }[]): Promise<void>
  now: Now
  random: Random
}

/** What became of one of the customers given. */
export type Outcome = { stored: StoredCustomer } | { reasons: FieldError[] }

interface Options {
  timeoutMs?: number
  /** Runs in the same transaction, last. It may run again, then with other outcomes. */
  alongside?(tx: Transaction, outcomes: Outcome[]): Promise<void>
}

interface Entry {
  index: number
  customer: GivenCustomer
}

/** The first entry of each customer: a later one is to find it done. */
const firstOfEach = (waiting: Entry[]) => {
  const seen = new Set<string>()
  const round: Entry[] = []
  const later: Entry[] = []
  for (const entry of waiting) {
    const isFirst = !seen.has(entry.customer.code)
    seen.add(entry.customer.code)
    ;(isFirst ? round : later).push(entry)
  }
  return { round, later }
}

const valuesOf = ({ identifiers = [] }: GivenCustomer) => identifiers.map(({ value }) => value)

const refuse = (customer: GivenCustomer, holders: Map<string, string>): Outcome => ({
  reasons: valuesOf(customer).flatMap((value, index) =>
    (holders.get(value) ?? customer.code) === customer.code
      ? []
      : [{ field: `identifiers/${index}/value`, code: 'identifier_taken', message: 'is held by another customer' }],
  ),
})

const devices = (addresses: Address[]) => [...new Set(addresses.map(challengeType))]

/**
 * Makes customers be as the platform gives them: one for a question, a thousand for a batch of an import, in one
 * transaction. A restore that was asked for by an address that the customer has no longer could still end in somebody
 * else's hands, so whoever loses a confirmed address loses the restores that are open.
 */
export const createUpserts = ({ store, endRestores, addEvents, now, random }: Deps) => {
  const announce = async (tx: Transaction, stored: StoredCustomer[], at: Date) => {
    const losers = stored.filter(({ removed }) => removed.length > 0).map(({ id }) => id)
    if (losers.length > 0) await endRestores(tx, losers)
    const changed = stored.filter(({ created, added, removed }) => !created && added.length + removed.length > 0)
    if (changed.length === 0) return
    const fact = ({ id, code, added, removed }: StoredCustomer) =>
      newEvent(IdentifiersChanged, random.id(), {
        customer: code,
        customerId: id,
        added: devices(added),
        removed: devices(removed),
      })
    await addEvents(
      tx,
      at,
      changed.map((customer) => ({ subject: customer.code, events: [fact(customer)] })),
    )
  }

  /** Those of a round that can be stored together: no address of theirs is another's, or claimed earlier in the round. */
  const pickFree = (round: Entry[], holders: Map<string, string>) => {
    const claimed = new Set<string>()
    return round.filter(({ customer }) => {
      const values = valuesOf(customer)
      const isFree = values.every(
        (value) => !claimed.has(value) && (holders.get(value) ?? customer.code) === customer.code,
      )
      if (isFree) for (const value of values) claimed.add(value)
      return isFree
    })
  }

  /**
   * Round by round, until nothing moves any more: an address that one entry gives up is free for another, and one entry
   * that cannot be stored keeps none of the others from it.
   */
  const storeAll = async (tx: Transaction, customers: GivenCustomer[]): Promise<Outcome[]> => {
    const at = now()
    const outcomes: Outcome[] = []
    let waiting = customers.map((customer, index): Entry => ({ index, customer }))
    while (waiting.length > 0) {
      const { round, later } = firstOfEach(waiting)
      const holders = await store.holders(
        tx,
        round.flatMap(({ customer }) => valuesOf(customer)),
      )
      const free = pickFree(round, holders)
      if (free.length === 0) {
        for (const { index, customer } of round) outcomes[index] = refuse(customer, holders)
        waiting = later
        continue
      }
      const stored = await store.store(
        tx,
        free.map(({ customer }) => customer),
        at,
      )
      await announce(tx, stored, at)
      const byCode = new Map(stored.map((customer) => [customer.code, customer]))
      for (const { index, customer } of free) {
        const found = byCode.get(customer.code)
        if (found) outcomes[index] = { stored: found }
      }
      waiting = waiting.filter(({ index }) => !outcomes[index])
    }
    return outcomes
  }

  /** @returns an outcome for each customer, in their order. @throws RekeyError unavailable: none of them was stored */
  return (customers: GivenCustomer[], { timeoutMs, alongside }: Options = {}): Promise<Outcome[]> =>
    store.transaction(
      async (tx) => {
        const outcomes = await storeAll(tx, customers)
        await alongside?.(tx, outcomes)
        return outcomes
      },
      timeoutMs === undefined ? undefined : { timeoutMs },
    )
}

export type Upserts = ReturnType<typeof createUpserts>
