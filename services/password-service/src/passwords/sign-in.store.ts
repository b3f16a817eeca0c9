import type { Address } from '@rekey/contracts'
import { confirmedAddressesSql } from '../customers/confirmed-addresses.ts'
import type { PasswordOrigin } from '../customers/second-channel.ts'
import type { Database } from '../database.ts'
import { prepared } from '../statements.ts'
import { mustChange } from './must-change.ts'

/** The account that a password is verified against: the named customer's, or a decoy. */
export interface Account extends PasswordOrigin {
  id: number
  code: string
  blocked: boolean
  /** False for a decoy: then no password is right, whatever its hash matches. */
  named: boolean
  hash: string
  mustChange: boolean
  temporaryUntil: Date | null
  sessionEpoch: number
  /** Kinds of factors in force. */
  factorKinds: string[]
  /** Confirmed ones: e-mail before phone, the oldest first. */
  addresses: Address[]
}

/** ORDER BY makes Postgres evaluate both branches, also if the first finds a row. */
const findAccount = prepared<Account, [value: string, kind: Address['kind'], decoy: number]>(
  'sign_in_account',
  `SELECT c.id, c.code, c.status = 'blocked' AS blocked, found.named, k.hash, ${mustChange.text} AS "mustChange",
     k.temporary_until AS "temporaryUntil", c.session_epoch AS "sessionEpoch", c.hold_until AS "holdUntil",
     c.password_channel AS "passwordChannel", c.factor_kinds::text[] AS "factorKinds", ${confirmedAddressesSql.text} AS addresses
   FROM (
     SELECT k.customer_id, true AS named FROM identifier i JOIN credential k ON k.customer_id = i.customer_id
     WHERE i.value = $1::text AND i.kind = $2::identifier_kind AND i.verified_at IS NOT NULL
     UNION ALL
     SELECT coalesce(
       (SELECT customer_id FROM credential WHERE decoy_position >= $3::float8 ORDER BY decoy_position LIMIT 1),
       (SELECT customer_id FROM credential ORDER BY decoy_position LIMIT 1)
     ), false
     ORDER BY named DESC LIMIT 1
   ) found
   JOIN customer c ON c.id = found.customer_id
   JOIN credential k ON k.customer_id = c.id`,
)

export const createSignInStore = (database: Database) => ({
  /**
   * Finds the customer with this confirmed address or, if none with a password has it, the next credential from `decoy`
   * on as a decoy. Both cases cost the same. Undefined only if there are no credentials at all.
   */
  async find({ kind, value }: Address, decoy: number): Promise<Account | undefined> {
    const [row] = await database.run(findAccount, value, kind, decoy)
    return row
  },

  /** Replaces `from` by another hash of the same password, unless a new password was set since. */
  async rehash(customerId: number, from: string, to: string): Promise<void> {
    await database.query((prisma) =>
      prisma.credential.updateMany({ where: { customerId, hash: from }, data: { hash: to } }),
    )
  },
})

export type SignInStore = ReturnType<typeof createSignInStore>
