import { type RaiseSessionEpochRequest, sessionEpochAt } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { sessionBeganAt } from '@rekey/platform/session-not-before'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'

/** What expires with a token is kept for longer: a machine whose clock is late still accepts the token. */
export const clockSlackMs = 3_600_000

/** The claims that say which session a token belongs to. */
export type SessionClaims = Pick<
  TokenClaims,
  'sub' | 'sid' | 'jti' | 'iat' | 'auth_time' | 'session_epoch' | 'scope' | 'purpose'
>

/** A token's session. A token without `sid`, from an issuer without sessions, is a session of its own. */
export const sessionOf = ({ sid, jti }: Pick<TokenClaims, 'sid' | 'jti'>): string => sid ?? jti

/**
 * SQL of an UPDATE of customers that ends their sessions, from placeholders for `sessionEpochAt`, the time, and the kept
 * session. The new epoch is the greater of the epoch plus one and the seconds of the clock: a Postgres that was restored
 * from an older copy gives no epoch again that it had given since.
 */
export const sessionsEnd = (epochAt: string, at: string, kept: string) => `
  session_epoch = GREATEST(session_epoch + 1, ${epochAt}::int), sessions_ended_at = ${at}::timestamptz,
  kept_session = ${kept}::text`

const updateSessions = prepared<
  { id: number; sessionEpoch: number },
  [customerIds: number[], epochAt: number, at: Date, kept: string | null]
>(
  'end_sessions',
  `UPDATE customer SET ${sessionsEnd('$2', '$3', '$4')}
  WHERE id = ANY($1::int[]) RETURNING id, session_epoch AS "sessionEpoch"`,
)

/**
 * Ends all sessions of a locked customer, except `kept` (S21). Earlier sessions have a lower epoch.
 *
 * @returns the new epoch
 */
export const endSessions = async (
  tx: AnyTransaction,
  customerId: number,
  { at, kept }: { at: Date; kept?: string | undefined },
): Promise<number> => {
  const epochs = await endSessionsOfMany(tx, [customerId], at, kept)
  const epoch = epochs.get(customerId)
  if (epoch === undefined) throw new Error('a locked customer is gone')
  return epoch
}

/** Ends all sessions of many locked customers. @returns the new epochs, by customer */
export const endSessionsOfMany = async (
  tx: AnyTransaction,
  customerIds: number[],
  at: Date,
  kept?: string,
): Promise<Map<number, number>> => {
  const rows = await runIn(tx, updateSessions, customerIds, sessionEpochAt(at), at, kept ?? null)
  return new Map(rows.map(({ id, sessionEpoch }) => [id, sessionEpoch]))
}

/**
 * Raises a customer's epoch to that of the gateway, unless it changed since the password of a sign-in was verified.
 *
 * @returns false if it changed
 */
export const raiseEpoch = async (
  database: Database,
  { customer, verifiedEpoch, gatewayEpoch }: RaiseSessionEpochRequest,
): Promise<boolean> => {
  const count = await database.query(
    (prisma) => prisma.$executeRaw`
      UPDATE customer SET session_epoch = ${gatewayEpoch}::int
      WHERE code = ${customer} AND session_epoch = ${verifiedEpoch}::int AND session_epoch < ${gatewayEpoch}::int`,
  )
  return count === 1
}

/**
 * Whether sessions were revoked, began before all sessions of all customers ended, or before those of their customer ended.
 *
 * A token of another issuer has no epoch. Its session ended if its sign-in was before the end or in the same second: the
 * claims have whole seconds. `OFFSET 0`: a plan that reads a whole table for many sessions would be kept when it grows.
 */
const sessionsEnded = prepared<{ ended: boolean }, [sessions: string]>(
  'sessions_ended',
  `SELECT EXISTS (SELECT FROM revoked_session WHERE sid = s.session OFFSET 0)
     OR EXISTS (SELECT FROM session_not_before WHERE not_before >= to_timestamp(s.began_at) OFFSET 0)
     OR EXISTS (
       SELECT FROM customer WHERE code = s.subject AND kept_session IS DISTINCT FROM s.session
         AND CASE WHEN s.epoch IS NULL THEN sessions_ended_at >= to_timestamp(s.signed_in_at) ELSE session_epoch > s.epoch END
       OFFSET 0
     ) AS ended
   FROM json_to_recordset($1::json) AS s (
     place int, session text, subject text, began_at float8, epoch bigint, signed_in_at float8
   ) ORDER BY s.place`,
)

/** A token that does not state the sign-in counts from its issue. Postgres has no text with half a surrogate pair. */
const sessionColumns = (token: SessionClaims, place: number) => ({
  place,
  session: sessionOf(token).toWellFormed(),
  subject: token.sub.toWellFormed(),
  began_at: sessionBeganAt(token),
  epoch: token.session_epoch,
  signed_in_at: Math.floor(token.auth_time ?? token.iat),
})

const toJson = (tokens: readonly SessionClaims[]) => JSON.stringify(tokens.map(sessionColumns))

const isEnded = ([row]: { ended: boolean }[]): boolean => {
  if (!row) throw new Error('Postgres returned no row')
  return row.ended
}

/**
 * For each token, in their order: true if its session was revoked, or began before all sessions of its customer, or of all
 * customers, ended (S21). A subject that is no customer (a back-office client, the challenge of a restore) has the first
 * check only.
 *
 * @throws RekeyError unavailable
 */
export const areSessionsEnded = async (database: Database, tokens: readonly SessionClaims[]): Promise<boolean[]> =>
  (await database.run(sessionsEnded, toJson(tokens))).map(({ ended }) => ended)

/** The same for one token. @throws RekeyError unavailable */
export const isSessionEnded = async (database: Database, token: SessionClaims): Promise<boolean> =>
  isEnded(await database.run(sessionsEnded, toJson([token])))

/** The same within a transaction that has the customer locked: the answer stays true until it commits. */
export const isSessionEndedWithin = async (tx: AnyTransaction, token: SessionClaims): Promise<boolean> =>
  isEnded(await runIn(tx, sessionsEnded, toJson([token])))

/** Records that a session was revoked, until none of its tokens can be valid. Safe to repeat. */
export const recordRevokedSession = async (database: Database, sessionId: string, expiresAt: Date): Promise<void> => {
  await database.query(
    (prisma) => prisma.$executeRaw`
      INSERT INTO revoked_session (sid, expires_at) VALUES (${sessionId}, ${expiresAt})
      ON CONFLICT (sid) DO UPDATE SET expires_at = GREATEST(revoked_session.expires_at, EXCLUDED.expires_at)`,
  )
}

/** Deletes revoked sessions whose tokens have all expired. */
export const deleteExpiredSessions =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'revoked_session', column: 'expires_at' }, now, limit)
