import type { Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'

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
}

// Other tables are read after the lock: a subquery in this statement would still see them as they were before it.
const lock = (tx: Transaction, which: Prisma.Sql) => tx.$queryRaw<LockedCustomer[]>`
  SELECT c.id, c.code, c.status = 'blocked' AS blocked, c.locale, c.timezone, c.hold_until AS "holdUntil",
         c.session_epoch AS "sessionEpoch", c.forgiven_at AS "forgivenAt"
  FROM customer c WHERE ${which} ORDER BY c.id FOR UPDATE`

/**
 * Locks a customer until the transaction ends. Whatever changes a password, the history, sessions or the status locks
 * first: history digests chain, and outbox ids of a customer follow the order of commits.
 *
 * @returns undefined if there is no such customer
 */
export const lockCustomer = async (tx: Transaction, id: number): Promise<LockedCustomer | undefined> => {
  const [customer] = await lock(tx, Prisma.sql`c.id = ${id}`)
  return customer
}

/** Locks the customer with this code. @returns undefined if there is no such customer */
export const lockCustomerByCode = async (tx: Transaction, code: string): Promise<LockedCustomer | undefined> => {
  const [customer] = await lock(tx, Prisma.sql`c.code = ${code}`)
  return customer
}

/** Locks many, in the order of ids: two transactions in different orders would deadlock. */
export const lockCustomers = (tx: Transaction, ids: number[]): Promise<LockedCustomer[]> =>
  lock(tx, Prisma.sql`c.id = ANY(${ids})`)

/** Locks the customer whose restore the challenge is. @returns undefined if the challenge has no customer */
export const lockCustomerOfRestore = async (
  tx: Transaction,
  challengeId: string,
): Promise<LockedCustomer | undefined> => {
  const owner = Prisma.sql`(SELECT customer_id FROM restore_request WHERE challenge_id = ${challengeId}::uuid)`
  const [customer] = await lock(tx, Prisma.sql`c.id = ${owner}`)
  return customer
}

/**
 * Locks those of these customers that exist, in the order of ids. The weaker lock suffices for an upsert, and lets
 * others insert rows that refer to the customers while a batch of an import runs.
 */
export const lockCustomersByCode = (tx: Transaction, codes: string[]): Promise<{ id: number; code: string }[]> =>
  tx.$queryRaw`SELECT id, code FROM customer WHERE code = ANY(${codes}) ORDER BY id FOR NO KEY UPDATE`
