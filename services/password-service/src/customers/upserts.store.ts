import { type Address, RekeyError, unavailable } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import type { GivenCustomer, GivenIdentifier } from './customer-record.ts'

/** What became of one customer. */
export interface StoredCustomer {
  id: number
  code: string
  created: boolean
  /** Whether the hash that was given is the password's now. */
  passwordStored: boolean
  /** Where codes may be sent that they could not be before, and the other way round. */
  added: Address[]
  removed: Address[]
}

export interface UpsertStore {
  /**
   * Runs `work` in one transaction, and again where it met another that wrote the same.
   *
   * @throws RekeyError unavailable
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: { timeoutMs: number }): Promise<T>
  /** The codes of the customers who hold these addresses, by address. */
  holders(tx: Transaction, values: string[]): Promise<Map<string, string>>
  /**
   * Makes each of the customers be as given. None may stand twice, and none may name an address that another holds.
   * @returns in any order
   */
  store(tx: Transaction, customers: GivenCustomer[], at: Date): Promise<StoredCustomer[]>
}

/** Somebody else wrote the same customer or address after this transaction had looked. */
class Overtaken extends Error {}

const attempts = 10
/** SQLSTATE of a deadlock and of a conflict, and Prisma's word for both. */
const contention = new Set(['40P01', '40001', 'P2034', 'TransactionWriteConflict'])

const isContention = (thrown: unknown): boolean =>
  thrown instanceof Overtaken ||
  (thrown instanceof RekeyError && contention.has((thrown.cause as { code?: string } | undefined)?.code ?? ''))

interface KnownCustomer {
  id: number
  code: string
}

interface HeldIdentifier extends GivenIdentifier {
  id: number
  customerId: number
}

/**
 * Locks those who exist, in the order of ids as a job does; whoever writes a customer's addresses holds that lock.
 * Creates the others.
 */
const lockOrCreate = async (tx: Transaction, customers: GivenCustomer[]) => {
  const codes = customers.map(({ code }) => code)
  const existing = await tx.$queryRaw<KnownCustomer[]>`
    SELECT id, code FROM customer WHERE code = ANY(${codes}) ORDER BY id FOR NO KEY UPDATE`
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
  const created = await tx.$queryRaw<KnownCustomer[]>`
    INSERT INTO customer (code, locale, timezone)
    SELECT code, coalesce(locale, 'en-GB'), coalesce(timezone, 'UTC')
    FROM json_to_recordset(${toRows(newer)}::json) AS given (code text, locale text, timezone text)
    ON CONFLICT (code) DO NOTHING
    RETURNING id, code`
  if (created.length < newer.length) throw new Overtaken()
  return { existing, created }
}

/** What has to be done so that a customer's addresses are as given. */
const compare = (held: HeldIdentifier[], given: GivenIdentifier[]) => {
  const before = new Map(held.map((identifier) => [identifier.value, identifier]))
  const after = new Map(given.map((identifier) => [identifier.value, identifier]))
  const kept = held.filter(({ value }) => after.has(value))
  const isVerified = ({ value }: Address) => after.get(value)?.verified === true
  return {
    gone: held.filter(({ value }) => !after.has(value)),
    confirmed: kept.filter((identifier) => !identifier.verified && isVerified(identifier)),
    unconfirmed: kept.filter((identifier) => identifier.verified && !isVerified(identifier)),
    fresh: given.filter(({ value }) => !before.has(value)),
  }
}

interface Comparison extends ReturnType<typeof compare> {
  customerId: number
}

/** In the order in which they are given: of two addresses the older one is the preferred. */
const writeIdentifiers = async (tx: Transaction, comparisons: Comparison[], at: Date) => {
  const idsOf = (pick: (comparison: Comparison) => HeldIdentifier[]) => comparisons.flatMap(pick).map(({ id }) => id)
  const [gone, confirmed, unconfirmed] = [
    idsOf((comparison) => comparison.gone),
    idsOf((comparison) => comparison.confirmed),
    idsOf((comparison) => comparison.unconfirmed),
  ]
  const fresh = comparisons.flatMap(({ customerId, fresh }) =>
    fresh.map(({ kind, value, verified }) => ({ customer_id: customerId, kind, value, verified })),
  )
  if (gone.length > 0) await tx.$executeRaw`DELETE FROM identifier WHERE id = ANY(${gone}::int[])`
  if (confirmed.length > 0) {
    await tx.$executeRaw`UPDATE identifier SET verified_at = ${at} WHERE id = ANY(${confirmed}::int[])`
  }
  if (unconfirmed.length > 0) {
    await tx.$executeRaw`UPDATE identifier SET verified_at = NULL WHERE id = ANY(${unconfirmed}::int[])`
  }
  if (fresh.length === 0) return
  const inserted = await tx.$executeRaw`
    INSERT INTO identifier (customer_id, kind, value, verified_at)
    SELECT customer_id, kind::identifier_kind, value, CASE WHEN verified THEN ${at}::timestamptz END
    FROM json_to_recordset(${JSON.stringify(fresh)}::json)
      AS given (customer_id int, kind text, value text, verified boolean)
    ON CONFLICT (value) DO NOTHING`
  if (inserted < fresh.length) throw new Overtaken()
}

const compareAll = async (
  tx: Transaction,
  existing: KnownCustomer[],
  created: KnownCustomer[],
  given: Map<string, GivenIdentifier[]>,
): Promise<Comparison[]> => {
  const ids = existing.filter(({ code }) => given.has(code)).map(({ id }) => id)
  const held =
    ids.length === 0
      ? []
      : await tx.$queryRaw<HeldIdentifier[]>`
          SELECT id, customer_id AS "customerId", kind::text, value, verified_at IS NOT NULL AS verified
          FROM identifier WHERE customer_id = ANY(${ids}::int[]) ORDER BY id`
  const heldBy = Map.groupBy(held, ({ customerId }) => customerId)
  return [...existing, ...created].flatMap(({ id, code }) => {
    const identifiers = given.get(code)
    return identifiers ? [{ customerId: id, ...compare(heldBy.get(id) ?? [], identifiers) }] : []
  })
}

/** Taken only where there is no password yet. @returns whose they are now */
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

/** Customers as the platform gives them, many at a time: a few statements, however many there are. */
export const createUpsertStore = ({ database }: { database: Database }): UpsertStore => ({
  async transaction(work, options) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await database.transaction(work, options)
      } catch (thrown) {
        if (!isContention(thrown)) throw thrown
        if (attempt === attempts) throw unavailable(thrown)
      }
    }
  },

  async holders(tx, values) {
    if (values.length === 0) return new Map()
    // One look into the index an address: left to itself, Postgres would rather read all customers and join them.
    const rows = await tx.$queryRaw<{ value: string; code: string }[]>`
      SELECT given.value, held.code
      FROM unnest(${values}::text[]) AS given (value)
      CROSS JOIN LATERAL (
        SELECT c.code FROM identifier i JOIN customer c ON c.id = i.customer_id WHERE i.value = given.value OFFSET 0
      ) AS held`
    return new Map(rows.map(({ value, code }) => [value, code]))
  },

  async store(tx, customers, at) {
    const { existing, created } = await lockOrCreate(tx, customers)
    const all = [...existing, ...created]
    const newIds = new Set(created.map(({ id }) => id))
    const given = new Map(customers.map((customer) => [customer.code, customer]))

    const identifiers = new Map(
      customers.flatMap(({ code, identifiers }) => (identifiers ? [[code, identifiers]] : [])),
    )
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
  },
})
