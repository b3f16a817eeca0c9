import type { Transaction } from '../database.ts'
import type { FactorKind } from '../generated/prisma/enums.ts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'

/** A customer whose row this transaction has locked. */
export interface LockedCustomer {
  id: number
  code: string
  blocked: boolean
  locale: string
  timezone: string
  /** End of the last recovery hold, which may be over. */
  holdUntil: Date | null
  sessionEpoch: number
  /** Wrong codes up to this time do not count. */
  forgivenAt: Date | null
  /** Kinds of the customer's factors in force; recovery codes only while one is unused. */
  factorKinds: FactorKind[]
}

// Other tables are read after the lock: a subquery in this statement would still see them as they were before it.
const lock = <const Values extends readonly unknown[]>(name: string, which: string) =>
  prepared<LockedCustomer, Values>(
    name,
    `SELECT c.id, c.code, c.status = 'blocked' AS blocked, c.locale, c.timezone, c.hold_until AS "holdUntil",
      c.session_epoch AS "sessionEpoch", c.forgiven_at AS "forgivenAt", c.factor_kinds::text[] AS "factorKinds"
    FROM customer c WHERE ${which} ORDER BY c.id FOR UPDATE`,
  )
const lockById = lock<[id: number]>('lock_customer', 'c.id = $1::int')
const lockByCode = lock<[code: string]>('lock_customer_by_code', 'c.code = $1::text')
const lockByIds = lock<[ids: number[]]>('lock_customers', 'c.id = ANY($1::int[])')

/**
 * Locks a customer until the transaction ends. Whatever changes a password, the history, sessions or the status locks
 * first: history digests chain, and outbox ids of a customer follow the order of commits.
 *
 * @returns undefined if there is no such customer
 */
export const lockCustomer = async (tx: AnyTransaction, id: number): Promise<LockedCustomer | undefined> =>
  (await runIn(tx, lockById, id))[0]

/** Locks the customer with this code. @returns undefined if there is no such customer */
export const lockCustomerByCode = async (tx: AnyTransaction, code: string): Promise<LockedCustomer | undefined> =>
  (await runIn(tx, lockByCode, code))[0]

/** Locks many, in the order of ids: two transactions in different orders would deadlock. */
export const lockCustomers = (tx: AnyTransaction, ids: number[]): Promise<LockedCustomer[]> => runIn(tx, lockByIds, ids)

/**
 * Locks those of these customers that exist, in the order of ids. The weaker lock suffices for an upsert, and lets
 * others insert rows that refer to the customers while a batch of an import runs.
 */
export const lockCustomersByCode = (tx: Transaction, codes: string[]): Promise<{ id: number; code: string }[]> =>
  tx.$queryRaw`SELECT id, code FROM customer WHERE code = ANY(${codes}) ORDER BY id FOR NO KEY UPDATE`
