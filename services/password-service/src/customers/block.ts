import type { Transaction } from '../database.ts'
import { endSessions } from '../sessions/sessions.store.ts'
import { endVerifications } from '../staff/customer-proof.ts'
import { endRestores } from './restore-requests.ts'

/**
 * Blocks a locked customer, until the back office lifts the block: no sign-in and no restore. Open restores, all
 * sessions, and verifications by the help desk end.
 *
 * @returns the new session epoch
 */
export const block = async (tx: Transaction, customerId: number, at: Date): Promise<number> => {
  await tx.customer.update({ where: { id: customerId }, data: { status: 'blocked' } })
  await endRestores(tx, [customerId])
  await endVerifications(tx, customerId, at)
  return endSessions(tx, customerId, { at })
}
