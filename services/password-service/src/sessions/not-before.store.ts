import type { Transaction } from '../database.ts'

/** Ends every session that began at or before this time, of all customers (B9). Never lowers the time. */
export const raiseNotBefore = async (tx: Transaction, notBefore: Date): Promise<void> => {
  await tx.$executeRaw`
    INSERT INTO session_not_before (not_before) VALUES (${notBefore})
    ON CONFLICT (id) DO UPDATE SET not_before = GREATEST(session_not_before.not_before, EXCLUDED.not_before)`
}

/** @returns undefined if all customers were never reset */
export const findNotBefore = async (tx: Transaction): Promise<Date | undefined> =>
  (await tx.sessionNotBefore.findUnique({ where: { id: 1 } }))?.notBefore
