import { type Address, sessionEpochAt } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import { Overtaken } from './contention.ts'
import type { GivenCustomer, GivenIdentifier } from './customer-record.ts'
import { lockCustomersByCode } from './lock.ts'
import { type CustomerId, compareAll, writeIdentifiers } from './upserted-addresses.store.ts'

/** A customer that was created or updated. */
export interface StoredCustomer {
  id: number
  code: string
  created: boolean
  /** True if the given hash was stored. */
  passwordStored: boolean
  /** Confirmed addresses that the customer has gained and lost. */
  added: Address[]
  removed: Address[]
}

/** Locks the customers that exist, and creates the others. */
const lockOrCreate = async (tx: Transaction, customers: GivenCustomer[], at: Date) => {
  const existing = await lockCustomersByCode(
    tx,
    customers.map(({ code }) => code),
  )
  const known = new Set(existing.map(({ code }) => code))
  const [older, newer] = [
    customers.filter(({ code }) => known.has(code)),
    customers.filter(({ code }) => !known.has(code)),
  ]

  const toRows = (given: GivenCustomer[]) =>
    JSON.stringify(given.map(({ code, locale, timezone }) => ({ code, locale, timezone })))
  const changed = older.filter(({ locale, timezone }) => locale !== undefined || timezone !== undefined)
  if (changed.length > 0) {
    await tx.$executeRaw`
      UPDATE customer SET locale = coalesce(given.locale, customer.locale),
                          timezone = coalesce(given.timezone, customer.timezone)
      FROM json_to_recordset(${toRows(changed)}::json) AS given (code text, locale text, timezone text)
      WHERE customer.code = given.code
        AND (given.locale <> customer.locale OR given.timezone <> customer.timezone)`
  }
  if (newer.length === 0) return { existing, created: [] }
  // Tokens of an erased customer of the same code have earlier epochs.
  const created = await tx.$queryRaw<CustomerId[]>`
    INSERT INTO customer (code, locale, timezone, session_epoch)
    SELECT code, coalesce(locale, 'en-GB'), coalesce(timezone, 'UTC'), ${sessionEpochAt(at)}::int
    FROM json_to_recordset(${toRows(newer)}::json) AS given (code text, locale text, timezone text)
    ON CONFLICT (code) DO NOTHING
    RETURNING id, code`
  if (created.length < newer.length) throw new Overtaken()
  return { existing, created }
}

/** Stores hashes for customers without a password. @returns the ids of those customers */
const storeHashes = async (tx: Transaction, hashes: { customer_id: number; hash: string }[], at: Date) => {
  if (hashes.length === 0) return new Set<number>()
  const rows = await tx.$queryRaw<{ customerId: number }[]>`
    INSERT INTO credential (customer_id, hash, updated_at)
    SELECT customer_id, hash, ${at}::timestamptz
    FROM json_to_recordset(${JSON.stringify(hashes)}::json) AS given (customer_id int, hash text)
    ON CONFLICT (customer_id) DO NOTHING
    RETURNING customer_id AS "customerId"`
  return new Set(rows.map(({ customerId }) => customerId))
}

const address = ({ kind, value }: Address): Address => ({ kind, value })
const verifiedOf = (identifiers: GivenIdentifier[]) => identifiers.filter(({ verified }) => verified)

/**
 * Stores each of these customers as given, in a few statements. No customer may be given more than once, and no address
 * that another customer has confirmed.
 *
 * @returns the stored customers, in any order
 */
export const storeCustomers = async (
  tx: Transaction,
  customers: GivenCustomer[],
  at: Date,
): Promise<StoredCustomer[]> => {
  const { existing, created } = await lockOrCreate(tx, customers, at)
  const all = [...existing, ...created]
  const newIds = new Set(created.map(({ id }) => id))
  const given = new Map(customers.map((customer) => [customer.code, customer]))

  const identifiers = new Map(customers.flatMap(({ code, identifiers }) => (identifiers ? [[code, identifiers]] : [])))
  const comparisons = await compareAll(tx, existing, created, identifiers)
  await writeIdentifiers(tx, comparisons, at)
  const hashes = all.flatMap(({ id, code }) => {
    const hash = given.get(code)?.hash
    return hash === undefined ? [] : [{ customer_id: id, hash }]
  })
  const withHash = await storeHashes(tx, hashes, at)

  const comparisonOf = new Map(comparisons.map((comparison) => [comparison.customerId, comparison]))
  return all.map(({ id, code }) => {
    const { gone = [], confirmed = [], unconfirmed = [], fresh = [] } = comparisonOf.get(id) ?? {}
    return {
      id,
      code,
      created: newIds.has(id),
      passwordStored: withHash.has(id),
      added: [...confirmed, ...verifiedOf(fresh)].map(address),
      removed: [...verifiedOf(gone), ...unconfirmed].map(address),
    }
  })
}
