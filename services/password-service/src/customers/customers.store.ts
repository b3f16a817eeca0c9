import type { Address } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** A person whom codes may be sent to. */
export interface Reachable {
  id: number
  code: string
  locale: string
  timezone: string
  /** Confirmed ones alone: e-mail before phone, the oldest first. */
  addresses: Address[]
}

export interface CustomerStore {
  /** The active customer who has confirmed this address. */
  findByAddress(address: Address): Promise<Reachable | undefined>
  /** The active customer of this code. */
  findByCode(code: string): Promise<Reachable | undefined>
  /** Whose restore a challenge is. Said again, with a later code, it lasts longer; whose it is stays as it was. */
  recordRestore(challengeId: string, customerId: number, expiresAt: Date): Promise<void>
  /** Within the customer's lock: ends its restores but the named one. @returns whether that one is open */
  endOtherRestores(tx: Transaction, customerId: number, challengeId: string | undefined): Promise<boolean>
  /** Within the customers' locks: ends all their restores. */
  endRestoresOfMany(tx: Transaction, customerIds: number[]): Promise<void>
  /** Deletes up to `limit` records whose time is over. @returns how many */
  deleteExpiredRestores(now: Date, limit: number): Promise<number>
}

interface Row extends Omit<Reachable, 'addresses'>, Address {}

const toReachable = (rows: Row[]): Reachable | undefined => {
  const [first] = rows
  if (!first) return undefined
  const { id, code, locale, timezone } = first
  return { id, code, locale, timezone, addresses: rows.map(({ kind, value }) => ({ kind, value })) }
}

export const createCustomerStore = ({ database }: { database: Database }): CustomerStore => {
  const find = (which: Prisma.Sql) =>
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
    findByAddress: ({ kind, value }) =>
      find(Prisma.sql`c.id = (
        SELECT customer_id FROM identifier
        WHERE value = ${value} AND kind = ${kind}::identifier_kind AND verified_at IS NOT NULL
      )`),
    findByCode: (code) => find(Prisma.sql`c.code = ${code}`),
    async recordRestore(challengeId, customerId, expiresAt) {
      await database.query(
        (prisma) => prisma.$executeRaw`
          INSERT INTO restore_request (challenge_id, customer_id, expires_at)
          VALUES (${challengeId}::uuid, ${customerId}, ${expiresAt})
          ON CONFLICT (challenge_id) DO UPDATE SET expires_at = GREATEST(restore_request.expires_at, EXCLUDED.expires_at)`,
      )
    },
    async endOtherRestores(tx, customerId, challengeId) {
      const others = challengeId === undefined ? {} : { challengeId: { not: challengeId } }
      await tx.restoreRequest.deleteMany({ where: { customerId, ...others } })
      return challengeId !== undefined && (await tx.restoreRequest.count({ where: { customerId, challengeId } })) > 0
    },
    async endRestoresOfMany(tx, customerIds) {
      await tx.$executeRaw`DELETE FROM restore_request WHERE customer_id = ANY(${customerIds})`
    },
    async deleteExpiredRestores(now, limit) {
      const where = { expiresAt: { lt: now } }
      const { count } = await database.query((prisma) => prisma.restoreRequest.deleteMany({ where, limit }))
      return count
    },
  }
}
