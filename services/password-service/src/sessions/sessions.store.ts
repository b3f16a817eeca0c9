import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type SessionClaims, sessionOf } from './session.ts'

/** All sessions of a customer are over but, where there is one, the kept one. */
export interface SessionsEnd {
  at: Date
  /** Session that goes on. */
  kept?: string | undefined
}

export interface SessionStore {
  /**
   * Within the customer's lock: ends all sessions but the kept one (S21). Whatever was signed in before has a lower
   * epoch; no clock decides.
   *
   * @returns the new epoch
   */
  endAll(tx: Transaction, customerId: number, end: SessionsEnd): Promise<number>
  /** The same for many customers, keeping no session. @returns the new epochs, by customer */
  endAllOfMany(tx: Transaction, customerIds: number[], at: Date): Promise<Map<number, number>>
  /**
   * Whether a token's session is over: revoked by itself, or begun before all of its customer's were ended (S21). A
   * subject that is no customer (a back-office client, a restore's challenge) is judged by the session alone. Within a
   * transaction that holds the customer's lock no new password makes the answer untrue before the commit.
   *
   * @throws RekeyError unavailable
   */
  isEnded(token: SessionClaims, tx?: Transaction): Promise<boolean>
  /** Notes that one session is over, for as long as a token of it could live. Safe to run again. */
  revoke(sessionId: string, expiresAt: Date): Promise<void>
}

/**
 * A token of another issuer carries no epoch. It is over when it was made before the end, or in the same second: its
 * time has whole seconds only.
 */
const beganBefore = ({ session_epoch: epoch, iat }: SessionClaims) =>
  epoch === undefined
    ? Prisma.sql`sessions_ended_at >= to_timestamp(${Math.floor(iat)})`
    : Prisma.sql`session_epoch > ${epoch}`

export const createSessionStore = ({ database }: { database: Database }): SessionStore => ({
  async endAll(tx, customerId, { at, kept }) {
    const { sessionEpoch } = await tx.customer.update({
      where: { id: customerId },
      data: { sessionEpoch: { increment: 1 }, sessionsEndedAt: at, keptSession: kept ?? null },
      select: { sessionEpoch: true },
    })
    return sessionEpoch
  },

  async endAllOfMany(tx, customerIds, at) {
    const rows = await tx.$queryRaw<{ id: number; sessionEpoch: number }[]>`
      UPDATE customer SET session_epoch = session_epoch + 1, sessions_ended_at = ${at}, kept_session = NULL
      WHERE id = ANY(${customerIds}) RETURNING id, session_epoch AS "sessionEpoch"`
    return new Map(rows.map(({ id, sessionEpoch }) => [id, sessionEpoch]))
  },

  async isEnded(token, tx) {
    const session = sessionOf(token)
    const question = Prisma.sql`
      SELECT EXISTS (SELECT 1 FROM revoked_session WHERE sid = ${session}) OR EXISTS (
        SELECT 1 FROM customer
        WHERE code = ${token.sub} AND kept_session IS DISTINCT FROM ${session} AND ${beganBefore(token)}
      ) AS ended`
    const ask = (asked: Transaction) => asked.$queryRaw<[{ ended: boolean }]>(question)
    const [{ ended }] = await (tx ? ask(tx) : database.query(ask))
    return ended
  },

  async revoke(sessionId, expiresAt) {
    await database.query(
      (prisma) => prisma.$executeRaw`
        INSERT INTO revoked_session (sid, expires_at) VALUES (${sessionId}, ${expiresAt})
        ON CONFLICT (sid) DO UPDATE SET expires_at = GREATEST(revoked_session.expires_at, EXCLUDED.expires_at)`,
    )
  },
})

/** Deletes revoked sessions of which no token lives any more. */
export const deleteExpiredSessions =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'revoked_session', column: 'expires_at' }, now, limit)
