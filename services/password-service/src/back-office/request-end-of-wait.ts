import { type ApprovalNeeded, RekeyError } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { channelOf } from '../notifications/recipient.ts'
import { verificationsOf } from '../staff/customer-proof.ts'
import type { Staff } from '../staff/staff.ts'
import type { WaitingDeps } from '../waiting-restores/waiting-restores.ts'
import type { Approvals } from './approvals.service.ts'
import { findEndable } from './end-wait.ts'

interface RequestDeps {
  database: Database
  now: WaitingDeps['now']
  request: Approvals['request']
}

/**
 * Requests the end of a wait. The verification is by another method than the one that opened the restore: whoever opened it
 * by a stolen mailbox would be verified by it too (S53).
 *
 * @throws RekeyError no_waiting_restore, customer_not_verified, owner_unknown, unavailable
 */
export const requestEndOfWait = async (
  { database, now, request }: RequestDeps,
  customer: { id: number; code: string },
  by: Staff,
): Promise<{ approval: ApprovalNeeded }> => {
  const waitingRestoreId = await database.query(async (tx) => {
    const { restore } = await findEndable(tx, customer.id)
    const channel = channelOf(restore.kind)
    const verified = await verificationsOf(tx, customer.id, by, now())
    verified.delete(channel)
    if (verified.size === 0) {
      const detail = `Verify the customer first, at /api/v2/clients/{clientId}/verifications, by another method than ${channel}, which opened the restore.`
      throw new RekeyError('customer_not_verified', { detail })
    }
    return restore.id
  })
  return request({ kind: 'end_wait', customer, waitingRestoreId }, by, true)
}
