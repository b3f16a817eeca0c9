import { type Address, RekeyError, sessionEpochAt, unavailable } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import type { GivenCustomer, GivenIdentifier } from './customer-record.ts'
import { lockCustomersByCode } from './lock.ts'

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

/** Another transaction wrote the same customer or address after this one had read it. */
class Overtaken extends Error {}

const attempts = 10
/** SQLSTATE of a deadlock and of a serialization failure, and Prisma's code for both. */
const contention = new Set(['40P01', '40001', 'P2034', 'TransactionWriteConflict'])

const isContention = (thrown: unknown): boolean =>
  thrown instanceof Overtaken ||
  (thrown instanceof RekeyError && contention.has((thrown.cause as { code?: string } | undefined)?.code ?? ''))

/** Repeats a transaction that another one overtook. @throws RekeyError unavailable */
export const retryOnContention = async <T>(transaction: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction()
    } catch (thrown) {
      if (!isContention(thrown)) throw thrown
      if (attempt === attempts) throw unavailable(thrown)
    }
  }
}

interface CustomerId {
  id: number
  code: string
}

interface StoredIdentifier extends GivenIdentifier {
  id: number
  customerId: number
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

/** Compares a customer's stored addresses with the given ones. */
const compare = (stored: StoredIdentifier[], given: GivenIdentifier[]) => {
  const before = new Map(stored.map((identifier) => [identifier.value, identifier]))
  const after = new Map(given.map((identifier) => [identifier.value, identifier]))
  const kept = stored.filter(({ value }) => after.has(value))
  const isVerified = ({ value }: Address) => after.get(value)?.verified === true
  return {
    gone: stored.filter(({ value }) => !after.has(value)),
    confirmed: kept.filter((identifier) => !identifier.verified && isVerified(identifier)),
    unconfirmed: kept.filter((identifier) => identifier.verified && !isVerified(identifier)),
    fresh: given.filter(({ value }) => !before.has(value)),
  }
}

interface Comparison extends ReturnType<typeof compare> {
  customerId: number
  /** True if the customer was created just now: when its addresses were confirmed is not known. */
  isNew: boolean
}

/**
 * Locks the rows of all addresses that are about to be written, in the order of the addresses, as every transaction that
 * writes several does: in different orders two of them would deadlock. New rows are inserted in that order too.
 */
const lockAddresses = (tx: Transaction, ids: number[], values: string[]) => tx.$executeRaw`
  SELECT FROM identifier WHERE id = ANY(${ids}::int[]) OR value = ANY(${values}::text[]) ORDER BY value FOR UPDATE`

/**
 * Writes the differences. New addresses get their ids in the given order: the older one of two is preferred. A new address
 * that another customer has unconfirmed is taken from that customer (S43).
 */
const writeIdentifiers = async (tx: Transaction, comparisons: Comparison[], at: Date) => {
  const idsOf = (pick: (comparison: Comparison) => StoredIdentifier[]) => comparisons.flatMap(pick).map(({ id }) => id)
  const [gone, confirmed, unconfirmed] = [
    idsOf((comparison) => comparison.gone),
    idsOf((comparison) => comparison.confirmed),
    idsOf((comparison) => comparison.unconfirmed),
  ]
  const fresh = comparisons.flatMap(({ customerId, isNew, fresh }) =>
    fresh.map(({ kind, value, verified }) => ({
      customer_id: customerId,
      kind,
      value,
      verified_at: verified ? at : null,
      young_since: verified && !isNew ? at : null,
    })),
  )
  const written = gone.length + confirmed.length + unconfirmed.length + fresh.length
  if (written > 1) {
    const values = fresh.map(({ value }) => value)
    await lockAddresses(tx, [...gone, ...confirmed, ...unconfirmed], values)
  }
  if (gone.length > 0) await tx.$executeRaw`DELETE FROM identifier WHERE id = ANY(${gone}::int[])`
  if (confirmed.length > 0) {
    const updated = await tx.$executeRaw`
      UPDATE identifier SET verified_at = ${at}, young_since = ${at} WHERE id = ANY(${confirmed}::int[])`
    // Another customer may have taken one that was unconfirmed.
    if (updated < confirmed.length) throw new Overtaken()
  }
  if (unconfirmed.length > 0) {
    await tx.$executeRaw`
      UPDATE identifier SET verified_at = NULL, young_since = NULL WHERE id = ANY(${unconfirmed}::int[])`
  }
  if (fresh.length === 0) return
  const inserted = await tx.$executeRaw`
    INSERT INTO identifier (id, customer_id, kind, value, verified_at, young_since)
    SELECT id, customer_id, kind::identifier_kind, value, verified_at, young_since
    FROM (
      SELECT nextval(pg_get_serial_sequence('identifier', 'id')) AS id, given.*
      FROM json_to_recordset(${JSON.stringify(fresh)}::json)
        AS given (customer_id int, kind text, value text, verified_at timestamptz, young_since timestamptz)
      OFFSET 0
    ) AS numbered
    ORDER BY value
    ON CONFLICT (value) DO UPDATE SET id = EXCLUDED.id, customer_id = EXCLUDED.customer_id, kind = EXCLUDED.kind,
      verified_at = EXCLUDED.verified_at, young_since = EXCLUDED.young_since
    WHERE identifier.verified_at IS NULL`
  if (inserted < fresh.length) throw new Overtaken()
}

const compareAll = async (
  tx: Transaction,
  existing: CustomerId[],
  created: CustomerId[],
  given: Map<string, GivenIdentifier[]>,
): Promise<Comparison[]> => {
  const ids = existing.filter(({ code }) => given.has(code)).map(({ id }) => id)
  const stored =
    ids.length === 0
      ? []
      : await tx.$queryRaw<StoredIdentifier[]>`
          SELECT id, customer_id AS "customerId", kind::text, value, verified_at IS NOT NULL AS verified
          FROM identifier WHERE customer_id = ANY(${ids}::int[]) ORDER BY id`
  const storedOf = Map.groupBy(stored, ({ customerId }) => customerId)
  const comparisonsOf = (customers: CustomerId[], isNew: boolean) =>
    customers.flatMap(({ id, code }) => {
      const identifiers = given.get(code)
      return identifiers ? [{ customerId: id, isNew, ...compare(storedOf.get(id) ?? [], identifiers) }] : []
    })
  return [...comparisonsOf(existing, false), ...comparisonsOf(created, true)]
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

/** The codes of the customers who have confirmed these addresses, by address. */
export const holdersOf = async (tx: Transaction, values: string[]): Promise<Map<string, string>> => {
  if (values.length === 0) return new Map()
  // OFFSET 0 makes Postgres look up each address in the index; otherwise it would read and join all customers.
  const rows = await tx.$queryRaw<{ value: string; code: string }[]>`
    SELECT given.value, holder.code
    FROM unnest(${values}::text[]) AS given (value)
    CROSS JOIN LATERAL (
      SELECT c.code FROM identifier i JOIN customer c ON c.id = i.customer_id
      WHERE i.value = given.value AND i.verified_at IS NOT NULL OFFSET 0
    ) AS holder`
  return new Map(rows.map(({ value, code }) => [value, code]))
}

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
