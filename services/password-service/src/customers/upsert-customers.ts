import { type Address, challengeType, type FieldError, IdentifiersChanged } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { newEvent } from '../outbox/event.ts'
import { addEventsOfMany } from '../outbox/outbox.store.ts'
import type { GivenCustomer } from './customer-record.ts'
import { recordLosses } from './former-addresses.store.ts'
import { passkeyHoldersOf, storeFactors } from './given-factors.store.ts'
import { endRestores } from './restore-requests.ts'
import { holdersOf } from './upserted-addresses.store.ts'
import { type StoredCustomer, storeCustomers } from './upserts.store.ts'

interface Deps {
  now: Now
  random: Random
  /** The key that seals second factors; without it, none may be given. */
  keys: { factor?: Keys | undefined }
}

/** The result for one customer. */
export type Outcome =
  | { stored: StoredCustomer & { totpsStored: number; passkeysStored: number } }
  | { reasons: FieldError[] }

interface Entry {
  index: number
  customer: GivenCustomer
}

/** Splits off the first entry of each customer: a later one is stored after it. */
const firstOfEach = (waiting: Entry[]) => {
  const codes = new Set<string>()
  const round: Entry[] = []
  const later: Entry[] = []
  for (const entry of waiting) {
    const isFirst = !codes.has(entry.customer.code)
    codes.add(entry.customer.code)
    ;(isFirst ? round : later).push(entry)
  }
  return { round, later }
}

/** Lists the addresses and passkeys of a customer, with their fields: only one customer may have each. */
const claimsOf = ({ identifiers = [], passkeys }: GivenCustomer) => [
  ...identifiers.map(({ value }, index) => ({ value, field: `identifiers/${index}/value`, code: 'identifier_taken' })),
  ...passkeys.map(({ credentialId: value }, index) => ({
    value,
    field: `passkeys/${index}/credentialId`,
    code: 'passkey_taken',
  })),
]

/** The customers who have what these claim. */
const findHolders = async (tx: Transaction, customers: GivenCustomer[]): Promise<Map<string, string>> => {
  const addresses = customers.flatMap(({ identifiers = [] }) => identifiers.map(({ value }) => value))
  const credentialIds = customers.flatMap(({ passkeys }) => passkeys.map(({ credentialId }) => credentialId))
  return new Map([...(await holdersOf(tx, addresses)), ...(await passkeyHoldersOf(tx, credentialIds))])
}

/** `holders`: the customers who have confirmed an address. An unconfirmed one stands in nobody's way (S43). */
const refuse = (customer: GivenCustomer, holders: Map<string, string>): Outcome => ({
  reasons: claimsOf(customer).flatMap(({ value, field, code }) =>
    (holders.get(value) ?? customer.code) === customer.code
      ? []
      : [{ field, code, message: 'is held by another customer' }],
  ),
})

/**
 * The entries of a round that can be stored together: another customer has confirmed, or another entry claims, none of
 * their addresses.
 */
const pickFree = (round: Entry[], holders: Map<string, string>) => {
  const claimed = new Set<string>()
  return round.filter(({ customer }) => {
    const values = claimsOf(customer).map(({ value }) => value)
    const isFree = values.every(
      (value) => !claimed.has(value) && (holders.get(value) ?? customer.code) === customer.code,
    )
    if (isFree) for (const value of values) claimed.add(value)
    return isFree
  })
}

const devices = (addresses: Address[]) => [...new Set(addresses.map(challengeType))]

const identifiersChanged = (random: Random, { id, code, added, removed }: StoredCustomer) =>
  newEvent(IdentifiersChanged, random.id(), {
    customer: code,
    customerId: id,
    added: devices(added),
    removed: devices(removed),
  })

/** Ends the restores of customers who lost a confirmed address: somebody else may receive their codes now. */
const endRestoresOfLosers = async (tx: Transaction, stored: StoredCustomer[]): Promise<void> => {
  const losers = stored.filter(({ removed }) => removed.length > 0)
  if (losers.length === 0) return
  await endRestores(
    tx,
    losers.map(({ id }) => id),
  )
}

const addIdentifierEvents = async (tx: Transaction, random: Random, stored: StoredCustomer[], at: Date) => {
  const changed = stored.filter(({ created, added, removed }) => !created && added.length + removed.length > 0)
  if (changed.length === 0) return
  const events = changed.map((customer) => ({
    subject: customer.code,
    events: [identifiersChanged(random, customer)],
  }))
  await addEventsOfMany(tx, at, events)
}

/**
 * Creates customers, or updates them to what the platform gives: one for an RPC, a thousand for a batch of an import. It
 * works in rounds until none can be stored: an address that one entry gives up is free for another, and an entry that is
 * refused affects no other. Retry the transaction with `retryOnContention`.
 *
 * @returns an outcome for each customer, in their order
 */
export const upsertCustomers = async (
  tx: Transaction,
  { now, random, keys }: Deps,
  customers: GivenCustomer[],
): Promise<Outcome[]> => {
  const at = now()
  const outcomes: Outcome[] = []
  let waiting = customers.map((customer, index): Entry => ({ index, customer }))
  while (waiting.length > 0) {
    const { round, later } = firstOfEach(waiting)
    const holders = await findHolders(
      tx,
      round.map(({ customer }) => customer),
    )
    const free = pickFree(round, holders)
    if (free.length === 0) {
      for (const { index, customer } of round) outcomes[index] = refuse(customer, holders)
      waiting = later
      continue
    }
    const stored = await storeCustomers(
      tx,
      free.map(({ customer }) => customer),
      at,
    )
    await endRestoresOfLosers(tx, stored)
    await recordLosses(tx, stored, at)
    await addIdentifierEvents(tx, random, stored, at)
    const byCode = new Map(stored.map((customer) => [customer.code, customer]))
    for (const { index, customer } of free) {
      const found = byCode.get(customer.code)
      if (!found) continue
      const { totps, passkeys } = found.created ? customer : { totps: [], passkeys: [] }
      outcomes[index] = { stored: { ...found, totpsStored: totps.length, passkeysStored: passkeys.length } }
    }
    const created = free.flatMap(({ customer: { code, totps, passkeys } }) => {
      const found = byCode.get(code)
      return found?.created ? [{ customerId: found.id, totps, passkeys }] : []
    })
    await storeFactors(tx, { keys, random }, created, at)
    waiting = waiting.filter(({ index }) => !outcomes[index])
  }
  return outcomes
}
