import { type RaiseSessionEpochRequest, sessionEpochAt } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { sessionBeganAt } from '@rekey/platform/session-not-before'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'

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
 * Ends all sessions of a locked customer, except `kept` (S21). Earlier sessions have a lower epoch.
 *
 * @returns the new epoch
 */
export const endSessions = async (
  tx: Transaction,
  customerId: number,
  { at, kept }: { at: Date; kept?: string | undefined },
): Promise<number> => {
  const epochs = await endSessionsOfMany(tx, [customerId], at, kept)
  const epoch = epochs.get(customerId)
  if (epoch === undefined) throw new Error('a locked customer is gone')
  return epoch
}

/**
 * Ends all sessions of many locked customers. The new epoch is the greater of the epoch plus one and the seconds of the
 * clock: a Postgres that was restored from an older copy gives no epoch again that it had given since.
 *
 * @returns the new epochs, by customer
 */
export const endSessionsOfMany = async (
  tx: Transaction,
  customerIds: number[],
  at: Date,
  kept?: string,
): Promise<Map<number, number>> => {
  const rows = await tx.$queryRaw<{ id: number; sessionEpoch: number }[]>`
    UPDATE customer SET session_epoch = GREATEST(session_epoch + 1, ${sessionEpochAt(at)}::int),
      sessions_ended_at = ${at}, kept_session = ${kept ?? null}::text
    WHERE id = ANY(${customerIds}) RETURNING id, session_epoch AS "sessionEpoch"`
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
 * A token of another issuer has no epoch. Its session ended if its sign-in was before the end or in the same second: the
 * claims have whole seconds. A token that does not state the sign-in counts from its issue.
 */
const beganBefore = ({ session_epoch: epoch, auth_time: signedInAt, iat }: SessionClaims) =>
  epoch === undefined
    ? Prisma.sql`sessions_ended_at >= to_timestamp(${Math.floor(signedInAt ?? iat)})`
    : Prisma.sql`session_epoch > ${epoch}`

/** True if a reset of all customers ended the session. */
const beganBeforeAll = (token: SessionClaims) => {
  const began = sessionBeganAt(token)
  return began === undefined
    ? Prisma.sql`false`
    : Prisma.sql`EXISTS (SELECT 1 FROM session_not_before WHERE not_before >= to_timestamp(${began}))`
}

/**
 * True if a token's session was revoked, or began before all sessions of its customer, or of all customers, ended (S21). A subject that is no
 * customer (a back-office client, the challenge of a restore) has the first check only. While the transaction has the
 * customer locked, the answer stays true until it commits.
 */
export const isSessionEnded = async (tx: Transaction, token: SessionClaims): Promise<boolean> => {
  const session = sessionOf(token)
  const [{ ended }] = await tx.$queryRaw<[{ ended: boolean }]>`
    SELECT EXISTS (SELECT 1 FROM revoked_session WHERE sid = ${session}) OR ${beganBeforeAll(token)} OR EXISTS (
      SELECT 1 FROM customer
      WHERE code = ${token.sub} AND kept_session IS DISTINCT FROM ${session} AND ${beganBefore(token)}
    ) AS ended`
  return ended
}

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
