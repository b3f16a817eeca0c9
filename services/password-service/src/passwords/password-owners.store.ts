import type { Address } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { confirmedAddressesSql } from '../customers/confirmed-addresses.ts'
import { youngFactorKindsSql } from '../customers/young-factors.ts'
import type { Database } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { readWaiting, type WaitingJson, waitingRestoreSql } from '../waiting-restores/waiting-restores.store.ts'
import type { Grant } from './grant.ts'
import { mustChange } from './must-change.ts'
import type { ProofStanding } from './second-proof.ts'

/** A customer, with what the policy compares a new password with. */
export interface PasswordOwner {
  id: number
  code: string
  blocked: boolean
  /** Null without a password. */
  hash: string | null
  mustChange: boolean
  /** True if the current password is a temporary one. */
  temporary: boolean
  /** E-mail addresses and phone numbers. */
  usernames: string[]
}

/** The customer that a grant belongs to. */
export interface GrantHolder extends PasswordOwner, ProofStanding {
  /** The kind of address that the code of a restore went to; null if an earlier version recorded it. */
  restoreKind: Address['kind'] | null
  /** True if the grant has been used. */
  spent: boolean
}

/** Columns of a PasswordOwner, from the customer `c` and its credential `k`. */
const owner = Prisma.sql`
  c.id, c.code, c.status = 'blocked' AS blocked, k.hash, ${mustChange} AS "mustChange",
  k.temporary_until IS NOT NULL AS temporary,
  ARRAY(SELECT i.value FROM identifier i WHERE i.customer_id = c.id) AS usernames`

const holder = ({ jti, challengeId }: Grant) => Prisma.sql`${owner},
  c.factor_kinds::text[] AS "factorKinds", ${Prisma.raw(youngFactorKindsSql('y.old_since'))} AS "youngFactorKinds",
  ${confirmedAddressesSql} AS addresses,
  ${Prisma.raw(waitingRestoreSql)} AS waiting,
  EXISTS (SELECT 1 FROM spent_token WHERE jti IN (${jti}::uuid, ${challengeId}::uuid)) AS spent`

type HolderRow = Omit<GrantHolder, 'waiting'> & { waiting: WaitingJson | null }

const toHolder = (row: HolderRow | undefined): GrantHolder | undefined =>
  row && { ...row, waiting: readWaiting(row.waiting) }

interface Deps {
  database: Database
  /** How long a new factor is young. */
  newAddressMs: number
  now: Now
}

export const createPasswordOwnerStore = ({ database, newAddressMs, now }: Deps) => {
  const young = () => Prisma.sql`(SELECT ${new Date(now().getTime() - newAddressMs)}::timestamptz AS old_since) y`
  return {
    /** Finds the customer that a change's grant names. */
    findForChange: (grant: Grant): Promise<GrantHolder | undefined> =>
      database.query(async (prisma) => {
        const [row] = await prisma.$queryRaw<HolderRow[]>`
        SELECT ${holder(grant)}, NULL AS "restoreKind" FROM ${young()}, customer c
        LEFT JOIN credential k ON k.customer_id = c.id
        WHERE c.code = ${grant.subject}`
        return toHolder(row)
      }),

    /** Finds the customer whose restore the grant's challenge is. */
    findForRestore: (grant: Grant): Promise<GrantHolder | undefined> =>
      database.query(async (prisma) => {
        const [row] = await prisma.$queryRaw<HolderRow[]>`
        SELECT ${holder(grant)}, r.kind::text AS "restoreKind" FROM ${young()}, restore_request r JOIN customer c ON c.id = r.customer_id
        LEFT JOIN credential k ON k.customer_id = c.id
        WHERE r.challenge_id = ${grant.challengeId}::uuid`
        return toHolder(row)
      }),

    findById: (customerId: number): Promise<(PasswordOwner & { confirmedEmail: boolean }) | undefined> =>
      database.query(async (prisma) => {
        const [row] = await prisma.$queryRaw<(PasswordOwner & { confirmedEmail: boolean })[]>`
        SELECT ${owner}, EXISTS (
          SELECT 1 FROM identifier i WHERE i.customer_id = c.id AND i.kind = 'email' AND i.verified_at IS NOT NULL
        ) AS "confirmedEmail"
        FROM customer c LEFT JOIN credential k ON k.customer_id = c.id WHERE c.id = ${customerId}`
        return row
      }),
  }
}

export type PasswordOwnerStore = ReturnType<typeof createPasswordOwnerStore>
