import type { Transaction } from '../database.ts'
import { endSessions } from '../sessions/sessions.store.ts'
import { endRestores } from './restore-requests.ts'

/**
 * Blocks a locked customer, until the back office lifts the block: no sign-in and no restore. Open restores and all
 * sessions end.
 *
 * @returns the new session epoch
 */
export const block = async (tx: Transaction, customerId: number, at: Date): Promise<number> => {
  await tx.customer.update({ where: { id: customerId }, data: { status: 'blocked' } })
  await endRestores(tx, [customerId])
  return endSessions(tx, customerId, { at })
}
