import type { Address, FactorKind } from '@rekey/contracts'
import { confirmedAddressesSql } from '../customers/confirmed-addresses.ts'
import { formerAddressesSql } from '../customers/former-addresses.store.ts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { prepared, runIn } from '../statements.ts'

/** A factor in force, as it is listed. */
export interface StoredFactor {
  id: string
  kind: FactorKind
  label: string
  confirmedAt: Date
  lastUsedAt: Date | null
  /** Unused recovery codes. */
  codesLeft: number
}

const listed = <const Values extends readonly unknown[]>(name: string, which: string) =>
  prepared<StoredFactor, Values>(
    name,
    `SELECT f.id, f.kind::text AS kind, f.label, f.confirmed_at AS "confirmedAt", f.last_used_at AS "lastUsedAt",
    (SELECT count(*)::int FROM recovery_code r WHERE r.factor_id = f.id AND r.used_at IS NULL) AS "codesLeft"
  FROM customer c JOIN factor f ON f.customer_id = c.id
  WHERE ${which} AND f.confirmed_at IS NOT NULL
  ORDER BY f.confirmed_at, f.id`,
  )
const listedById = listed<[id: number]>('list_factors_by_id', 'c.id = $1::int')
const listedByCode = listed<[code: string]>('list_factors', 'c.code = $1::text')

/** The factors in force of the customer with this code, the oldest first. */
export const listFactors = (database: Database, code: string): Promise<StoredFactor[]> =>
  database.run(listedByCode, code)

/** The same by the customer's id. */
export const listFactorsOf = (database: Database, customerId: number): Promise<StoredFactor[]> =>
  database.run(listedById, customerId)

const setKinds = prepared<never, [customerId: number]>(
  'set_factor_kinds',
  `UPDATE customer SET factor_kinds = ARRAY(
    SELECT DISTINCT f.kind FROM factor f
    WHERE f.customer_id = $1::int AND f.confirmed_at IS NOT NULL AND (f.kind <> 'recovery_codes'
      OR EXISTS (SELECT FROM recovery_code r WHERE r.factor_id = f.id AND r.used_at IS NULL))
    ORDER BY f.kind
  ) WHERE id = $1::int`,
)

/** Writes the kinds that a locked customer has in force after a change of the factors. */
export const writeFactorKinds = async (tx: Transaction, customerId: number): Promise<void> => {
  await runIn(tx, setKinds, customerId)
}

const notified = prepared<{ addresses: Address[]; formerAddresses: Address[] }, [customerId: number, lostAfter: Date]>(
  'read_notified_addresses',
  `SELECT ${confirmedAddressesSql.text} AS addresses, ${formerAddressesSql('$2')} AS "formerAddresses"
  FROM customer c WHERE c.id = $1::int`,
)

/** The addresses that are told of a change: the confirmed ones, and those lost after a time (S43, S57). */
export const notifiedAddresses = async (tx: Transaction, customerId: number, lostAfter: Date): Promise<Address[]> => {
  const [row] = await runIn(tx, notified, customerId, lostAfter)
  return row ? [...row.addresses, ...row.formerAddresses] : []
}

/** An enrolment must be confirmed within this time. */
export const enrolmentMs = 3_600_000

/** Deletes enrolments that were not confirmed in time. */
export const deleteUnconfirmedFactors =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'factor', column: 'created_at', where: Prisma.sql`confirmed_at IS NULL` },
      new Date(now.getTime() - enrolmentMs),
      limit,
    )
