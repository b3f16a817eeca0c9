import type { Address, CustomersGetReply, Reference } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { confirmedAddressesSql } from './confirmed-addresses.ts'
import { isReferredTo } from './reference.ts'
import type { PasswordOrigin } from './second-channel.ts'

/** An active customer with at least one confirmed address. */
export interface Reachable extends PasswordOrigin {
  id: number
  code: string
  locale: string
  timezone: string
  /** Confirmed ones: e-mail before phone, the oldest first. */
  addresses: Address[]
}

/** A customer as the RPC customers.get describes it. */
export type FoundCustomer = Omit<Extract<CustomersGetReply, { found: true }>, 'found'>

type Row = Omit<FoundCustomer, 'identifiers'> &
  (FoundCustomer['identifiers'][number] | { kind: null; value: null; verified: null })

const toCustomer = (rows: Row[]): FoundCustomer | undefined => {
  const [first] = rows
  if (!first) return undefined
  const { customerId, customer, locale, timezone, status } = first
  const identifiers = rows.flatMap(({ kind, value, verified }) => (kind === null ? [] : [{ kind, value, verified }]))
  return { customerId, customer, locale, timezone, status, identifiers }
}

export const createCustomerStore = (database: Database) => {
  const findReachable = (which: Prisma.Sql): Promise<Reachable | undefined> =>
    database.query(async (prisma) => {
      const [customer] = await prisma.$queryRaw<Reachable[]>`
        SELECT c.id, c.code, c.locale, c.timezone, c.hold_until AS "holdUntil",
          c.password_channel::text AS "passwordChannel", ${confirmedAddressesSql} AS addresses
        FROM customer c WHERE c.status = 'active' AND ${which}`
      return customer && customer.addresses.length > 0 ? customer : undefined
    })

  return {
    /** Finds any customer, also a blocked one; by an address only if it is confirmed. */
    find: (reference: Reference): Promise<FoundCustomer | undefined> =>
      database.query(async (prisma) =>
        toCustomer(
          await prisma.$queryRaw<Row[]>`
            SELECT c.id AS "customerId", c.code AS customer, c.locale, c.timezone, c.status::text,
                   i.kind::text, i.value, i.verified_at IS NOT NULL AS verified
            FROM customer c LEFT JOIN identifier i ON i.customer_id = c.id
            WHERE ${isReferredTo(reference)}
            ORDER BY i.kind, i.id`,
        ),
      ),

    /** Finds the active customer with this code. */
    findByCode: (code: string) => findReachable(Prisma.sql`c.code = ${code}`),
  }
}

export type CustomerStore = ReturnType<typeof createCustomerStore>
