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
 * Ends all sessions of a locked customer, except `kept` (S21). Earlier sessions have a lower epoch, so no clock decides.
 *
 * @returns the new epoch
 */
export const endSessions = async (
  tx: Transaction,
  customerId: number,
  { at, kept }: { at: Date; kept?: string | undefined },
): Promise<number> => {
  const { sessionEpoch } = await tx.customer.update({
    where: { id: customerId },
    data: { sessionEpoch: { increment: 1 }, sessionsEndedAt: at, keptSession: kept ?? null },
    select: { sessionEpoch: true },
  })
  return sessionEpoch
}

/** Ends all sessions of many locked customers. @returns the new epochs, by customer */
export const endSessionsOfMany = async (
  tx: Transaction,
  customerIds: number[],
  at: Date,
): Promise<Map<number, number>> => {
  const rows = await tx.$queryRaw<{ id: number; sessionEpoch: number }[]>`
    UPDATE customer SET session_epoch = session_epoch + 1, sessions_ended_at = ${at}, kept_session = NULL
    WHERE id = ANY(${customerIds}) RETURNING id, session_epoch AS "sessionEpoch"`
  return new Map(rows.map(({ id, sessionEpoch }) => [id, sessionEpoch]))
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
