import type { Transaction } from '../database.ts'

/** All sessions of a customer are over but, where there is one, the kept one. */
export interface SessionsEnd {
  at: Date
  /** Session that made the change. */
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
}

export const createSessionStore = (): SessionStore => ({
  async endAll(tx, customerId, { at, kept }) {
    const { sessionEpoch } = await tx.customer.update({
      where: { id: customerId },
      data: { sessionEpoch: { increment: 1 }, sessionsEndedAt: at, keptSession: kept ?? null },
      select: { sessionEpoch: true },
    })
    return sessionEpoch
  },
})
