import type { Address, PasswordOperation } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { ChangeRecord } from '../history/digest.ts'
import { isPasswordChange } from '../history/history.store.ts'

/** How the back office looks for customers. */
export type Search = { address: Address } | { code: string } | { id: number }

/** A customer, with an address whether or not it is confirmed. */
export interface StoredClient {
  id: number
  code: string
  status: 'active' | 'blocked'
  /** E-mail before phone, the oldest first; times as Postgres writes them in JSON. */
  identifiers: (Address & { verifiedAt: string | null })[]
  holdUntil: Date | null
  mustChange: boolean
  lastId: number | null
  lastType: ChangeRecord['type']
  lastOperation: PasswordOperation
  lastTime: Date
}

const matches = (search: Search) => {
  if ('code' in search) return Prisma.sql`c.code = ${search.code}`
  if ('id' in search) return Prisma.sql`c.id = ${search.id}`
  const { kind, value } = search.address
  return Prisma.sql`c.id IN (
    SELECT customer_id FROM identifier WHERE value = ${value} AND kind = ${kind}::identifier_kind)`
}

export const createClientStore = (database: Database) => ({
  /** The customers that a search matches, at most ten. */
  find: (search: Search): Promise<StoredClient[]> =>
    database.query(
      (prisma) => prisma.$queryRaw<StoredClient[]>`
        SELECT c.id, c.code, c.status::text, c.hold_until AS "holdUntil",
               coalesce(k.must_change, false) AS "mustChange", last.*,
               (
                 SELECT coalesce(json_agg(
                   json_build_object('kind', i.kind, 'value', i.value, 'verifiedAt', i.verified_at) ORDER BY i.kind, i.id
                 ), '[]')
                 FROM identifier i WHERE i.customer_id = c.id
               ) AS identifiers
        FROM customer c
        LEFT JOIN credential k ON k.customer_id = c.id
        LEFT JOIN LATERAL (
          SELECT id AS "lastId", type::text AS "lastType", operation::text AS "lastOperation", create_time AS "lastTime"
          FROM password_change
          WHERE customer_id = c.id AND ${isPasswordChange}
          ORDER BY create_time DESC, id DESC LIMIT 1
        ) AS last ON true
        WHERE ${matches(search)} ORDER BY c.id LIMIT 10`,
    ),
})

export type ClientStore = ReturnType<typeof createClientStore>
