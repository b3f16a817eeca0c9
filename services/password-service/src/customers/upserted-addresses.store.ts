import type { Address } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import { Overtaken } from './contention.ts'
import type { GivenIdentifier } from './customer-record.ts'

export interface CustomerId {
  id: number
  code: string
}

interface StoredIdentifier extends GivenIdentifier {
  id: number
  customerId: number
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

/** What changes in a customer's addresses. */
export interface Comparison extends ReturnType<typeof compare> {
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
export const writeIdentifiers = async (tx: Transaction, comparisons: Comparison[], at: Date) => {
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

/** Compares the given addresses, by the customer's code, with those of each customer that existed or was created. */
export const compareAll = async (
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
