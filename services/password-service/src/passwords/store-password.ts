import { type Address, sessionEpochAt } from '@rekey/contracts'
import { forgivenUpTo } from '../lockout/failed-attempts.store.ts'
import { sessionsEnd } from '../sessions/sessions.store.ts'
import { prepared, type RunStatement } from '../statements.ts'
import { refuseCurrentPassword } from './credential.ts'
import { type Grant, refuseGrant } from './grant.ts'

/** What a new password changes of its locked customer, besides the history. */
interface StoredPassword {
  hash: string
  mustChange: boolean
  temporaryUntil: Date | null
  /** The hash that the current password was verified against: a password that was set since is not overwritten. */
  verifiedHash: string | undefined
  /** Spent with the password. */
  grant: Grant | undefined
  at: Date
  /** The time of the record: from then on all sessions have ended but the kept one. */
  endedAt: Date
  keptSession: string | undefined
  /** End of the recovery hold that begins; undefined if none does. */
  holdUntil: Date | undefined
  /** Until its end a sign-in takes no code over the channel that the password came by (S44). */
  passwordChannel: Address['kind'] | null
}

/**
 * One statement for all rows of one customer: each more would be a round trip with the customer locked. The challenge is
 * spent with its token: a Redis that was killed or replaced by its replica may have lost that a code was used, and accept
 * it again. All restores end: somebody else may have their codes. The grant's own stays until it expires, for the answer
 * that it is spent.
 */
const store = prepared<
  { spent: number; stored: number; sessionEpoch: number },
  [
    customerId: number,
    at: Date,
    spent: string[],
    spentUntil: Date | null,
    challengeId: string | null,
    forgivenUpTo: Date | null,
    hash: string,
    mustChange: boolean,
    temporaryUntil: Date | null,
    verifiedHash: string | null,
    epochAt: number,
    endedAt: Date,
    keptSession: string | null,
    holdUntil: Date | null,
    passwordChannel: Address['kind'] | null,
  ]
>(
  'store_password',
  `WITH spent AS (
    INSERT INTO spent_token (jti, expires_at)
    SELECT jti, $4::timestamptz FROM unnest((SELECT $3::uuid[])) AS s (jti) ON CONFLICT DO NOTHING RETURNING jti
  ), ended AS (
    DELETE FROM restore_request WHERE customer_id = $1::int AND challenge_id IS DISTINCT FROM $5::uuid
  ), forgiven AS (
    DELETE FROM restore_failure WHERE customer_id = $1::int AND failed_at <= $6::timestamptz
  ), stored AS (
    INSERT INTO credential AS k (customer_id, hash, must_change, temporary_until, updated_at)
    SELECT $1::int, $7::text, $8::boolean, $9::timestamptz, $2::timestamptz
    WHERE $10::text IS NULL OR EXISTS (SELECT FROM credential WHERE customer_id = $1::int AND hash = $10::text)
    ON CONFLICT (customer_id) DO UPDATE SET
      hash = EXCLUDED.hash, must_change = EXCLUDED.must_change, temporary_until = EXCLUDED.temporary_until,
      updated_at = EXCLUDED.updated_at
    WHERE $10::text IS NULL OR k.hash = $10::text
    RETURNING customer_id
  )
  UPDATE customer SET ${sessionsEnd('$11', '$12', '$13')}, ${forgivenUpTo('$6')},
    hold_until = coalesce($14::timestamptz, hold_until),
    password_channel = CASE WHEN $14::timestamptz IS NULL THEN password_channel ELSE $15::identifier_kind END
  WHERE id = $1::int
  RETURNING session_epoch AS "sessionEpoch", (SELECT count(*)::int FROM spent) AS spent,
    (SELECT count(*)::int FROM stored) AS stored`,
)

/**
 * Stores a new password of a locked customer: spends its grant, which only one of several transactions can; ends restores
 * and sessions; begins the hold.
 *
 * @returns the new session epoch
 * @throws RekeyError success_token_refused, current_password_wrong
 */
export const storePassword = async (
  run: RunStatement,
  customerId: number,
  { grant, at, endedAt, verifiedHash, ...password }: StoredPassword,
): Promise<number> => {
  const spent = grant ? [grant.jti, grant.challengeId] : []
  const [row] = await run(
    store,
    customerId,
    at,
    spent,
    grant?.expiresAt ?? null,
    grant?.challengeId ?? null,
    grant?.purpose === 'restore' ? at : null,
    password.hash,
    password.mustChange,
    password.temporaryUntil,
    verifiedHash ?? null,
    sessionEpochAt(endedAt),
    endedAt,
    password.keptSession ?? null,
    password.holdUntil ?? null,
    password.passwordChannel,
  )
  if (!row) throw new Error('a locked customer is gone')
  if (row.spent < spent.length) throw refuseGrant('spent')
  if (row.stored === 0) throw refuseCurrentPassword()
  return row.sessionEpoch
}
