import { CustomerErased, sessionEpochAt } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import { retryOnContention } from '../customers/contention.ts'
import { type LockedCustomer, lockCustomer, lockCustomerByCode } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { erasedDigests } from '../history/erased-record.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'

interface Deps {
  /** That of the background loops: a long history takes longer than a caller's statement may. */
  loops: Database
  now: Now
  random: Random
  /** Seals usernames for the gateway; undefined: its counts of them expire by themselves. */
  usernameKeys: Keys | undefined
}

/** Whom to erase, and why. */
export interface Erasure {
  customer: { code: string } | { id: number }
  /** The operator's own words, without personal data. They are kept. */
  reason: string
  /** Erases nothing, and returns what it would. */
  dryRun: boolean
}

/** What was erased. */
export interface Erased {
  customerId: number
  /** History records that were kept without what identifies a person. */
  records: number
  /** Deleted rows by table. */
  deleted: Record<string, number>
}

/** Ends a dry run: the transaction rolls back. */
class DryRun extends Error {
  readonly erased: Erased

  constructor(erased: Erased) {
    super('a dry run')
    this.erased = erased
  }
}

const timeoutMs = 20_000

const sealedUsernames = async (tx: Transaction, keys: Keys | undefined, customerId: number, eventId: string) => {
  if (!keys) return []
  const identifiers = await tx.identifier.findMany({ where: { customerId }, orderBy: { id: 'asc' } })
  return Promise.all(identifiers.map(({ value }) => seal(keys, eventId, value)))
}

/** Deletes the rows, and strips the records. */
const eraseRows = async (
  tx: Transaction,
  { id }: LockedCustomer,
  { ids, digests }: { ids: number[]; digests: string[] },
  { at, reason }: { at: Date; reason: string },
): Promise<Erased> => {
  const [row] = await tx.$queryRaw<{ counts: Record<string, number> }[]>`
    SELECT erase_customer(${id}::int, ${at}::timestamptz, ${reason}::text, ${ids}::bigint[], ${digests}::text[]) AS counts`
  const { password_change: records = 0, ...deleted } = row?.counts ?? {}
  return { customerId: id, records, deleted }
}

/**
 * Erases a customer (GDPR article 17): every row about it goes, and its history stays without what identifies a person, so
 * that the chain can still be verified. All sessions end. A customer who is imported again under the same code begins
 * anew, with another id. One transaction, which has the customer locked: whatever is under way for that customer ends
 * before, or finds no customer.
 *
 * @returns undefined if there is no such customer
 * @throws RekeyError unavailable
 */
export const eraseCustomer = (
  { loops, now, random, usernameKeys }: Deps,
  { customer: which, reason, dryRun }: Erasure,
): Promise<Erased | undefined> => {
  const erase = async (tx: Transaction): Promise<Erased | undefined> => {
    const at = now()
    const customer = await ('id' in which ? lockCustomer(tx, which.id) : lockCustomerByCode(tx, which.code))
    if (!customer) return undefined
    const eventId = random.id()
    const usernames = await sealedUsernames(tx, usernameKeys, customer.id, eventId)
    const erased = await eraseRows(tx, customer, await erasedDigests(tx, customer.id), { at, reason })
    // As for each end of all sessions (endSessionsOfMany), though the customer that had the epoch is gone.
    const sessionEpoch = Math.max(customer.sessionEpoch + 1, sessionEpochAt(at))
    const data = { customer: customer.code, customerId: customer.id, sessionEpoch, records: erased.records, usernames }
    await addEvents(tx, customer.code, at, [newEvent(CustomerErased, eventId, data)])
    if (dryRun) throw new DryRun(erased)
    return erased
  }
  return retryOnContention(() => loops.transaction(erase, { timeoutMs })).catch((thrown) => {
    if (thrown instanceof DryRun) return thrown.erased
    throw thrown
  })
}
