import type { Address, CustomersGetReply, Reference } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { isReferredTo, ownerOf } from './reference.ts'

/** A person whom codes may be sent to. */
export interface Reachable {
  id: number
  code: string
  locale: string
  timezone: string
  /** Confirmed ones alone: e-mail before phone, the oldest first. */
  addresses: Address[]
}

/** What the platform is told of a customer. */
export type KnownCustomer = Omit<Extract<CustomersGetReply, { found: true }>, 'found'>

export interface CustomerStore {
  /** Whoever it is, blocked ones too; by an address only where it is confirmed. */
  find(reference: Reference): Promise<KnownCustomer | undefined>
  /** The active customer who has confirmed this address. */
  findByAddress(address: Address): Promise<Reachable | undefined>
  /** The active customer of this code. */
  findByCode(code: string): Promise<Reachable | undefined>
  /**
   * Whose restore a challenge is. Said again, with a later code, it lasts longer; whose it is stays as it was.
   * @returns false where the customer has lost that address meanwhile
   */
  recordRestore(challengeId: string, by: { customerId: number; address: Address }, expiresAt: Date): Promise<boolean>
  /** Within the customer's lock: ends its restores but the named one. @returns whether that one is open */
  endOtherRestores(tx: Transaction, customerId: number, challengeId: string | undefined): Promise<boolean>
  /** Within the customers' locks: ends all their restores. */
  endRestoresOfMany(tx: Transaction, customerIds: number[]): Promise<void>
}

interface Row extends Omit<Reachable, 'addresses'>, Address {}

type KnownRow = Omit<KnownCustomer, 'identifiers'> &
  (KnownCustomer['identifiers'][number] | { kind: null; value: null; verified: null })

const toKnown = (rows: KnownRow[]): KnownCustomer | undefined => {
  const [first] = rows
  if (!first) return undefined
  const { customerId, customer, locale, timezone, status } = first
  const identifiers = rows.flatMap(({ kind, value, verified }) => (kind === null ? [] : [{ kind, value, verified }]))
  return { customerId, customer, locale, timezone, status, identifiers }
}

const toReachable = (rows: Row[]): Reachable | undefined => {
  const [first] = rows
  if (!first) return undefined
  const { id, code, locale, timezone } = first
  return { id, code, locale, timezone, addresses: rows.map(({ kind, value }) => ({ kind, value })) }
}

export const createCustomerStore = ({ database }: { database: Database }): CustomerStore => {
  const findReachable = (which: Prisma.Sql) =>
    database.query(async (prisma) =>
      toReachable(
        await prisma.$queryRaw<Row[]>`
          SELECT c.id, c.code, c.locale, c.timezone, i.kind::text, i.value
          FROM customer c JOIN identifier i ON i.customer_id = c.id AND i.verified_at IS NOT NULL
          WHERE c.status = 'active' AND ${which}
          ORDER BY i.kind, i.id`,
      ),
    )
  return {
    find: (reference) =>
      database.query(async (prisma) =>
        toKnown(
          await prisma.$queryRaw<KnownRow[]>`
            SELECT c.id AS "customerId", c.code AS customer, c.locale, c.timezone, c.status::text,
                   i.kind::text, i.value, i.verified_at IS NOT NULL AS verified
            FROM customer c LEFT JOIN identifier i ON i.customer_id = c.id
            WHERE ${isReferredTo(reference)}
            ORDER BY i.kind, i.id`,
        ),
      ),
    findByAddress: (address) => findReachable(Prisma.sql`c.id = ${ownerOf(address)}`),
    findByCode: (code) => findReachable(Prisma.sql`c.code = ${code}`),
    async recordRestore(challengeId, { customerId, address: { kind, value } }, expiresAt) {
      // Customer and address are held as they are until the record stands: whoever blocks the one or takes away the
      // other ends this restore too.
      const recorded = await database.query(
        (prisma) => prisma.$executeRaw`
          INSERT INTO restore_request (challenge_id, customer_id, expires_at)
          SELECT ${challengeId}::uuid, c.id, ${expiresAt}::timestamptz
          FROM customer c JOIN identifier i ON i.customer_id = c.id
          WHERE c.id = ${customerId} AND c.status = 'active'
            AND i.value = ${value} AND i.kind = ${kind}::identifier_kind AND i.verified_at IS NOT NULL
          FOR SHARE
          ON CONFLICT (challenge_id) DO UPDATE SET expires_at = GREATEST(restore_request.expires_at, EXCLUDED.expires_at)`,
      )
      return recorded > 0
    },
    async endOtherRestores(tx, customerId, challengeId) {
      const others = challengeId === undefined ? {} : { challengeId: { not: challengeId } }
      await tx.restoreRequest.deleteMany({ where: { customerId, ...others } })
      return challengeId !== undefined && (await tx.restoreRequest.count({ where: { customerId, challengeId } })) > 0
    },
    async endRestoresOfMany(tx, customerIds) {
      await tx.$executeRaw`DELETE FROM restore_request WHERE customer_id = ANY(${customerIds})`
    },
  }
}

/** Deletes records of restores that have expired. */
export const deleteExpiredRestores =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_request', column: 'expires_at' }, now, limit)
