import { RekeyError } from '@rekey/contracts'
import { lockCustomer } from '../customers/lock.ts'
import { restoreWaitingNotifications } from '../notifications/notifications.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { type ApprovalDecision, decideApproval } from '../staff/decide-approval.ts'
import { type Mandate, staffForLog } from '../staff/staff.ts'
import type { AnyTransaction } from '../statements.ts'
import { endWait } from '../waiting-restores/waiting-restore.ts'
import { appendStaffRecord, waitEndedEvent } from '../waiting-restores/waiting-restore-events.ts'
import { findLast, notifiedAddresses, storeEndOfWait } from '../waiting-restores/waiting-restores.store.ts'
import type { WaitingDeps } from '../waiting-restores/waiting-restores.ts'
import { unknownCustomer } from './reset-password.ts'

// The early end of the wait of a restore (C12, S58). Staff alone cannot shorten it: a verification of the customer and a second
// person are both needed, whatever the configuration, and neither replaces the other.

/** The restore of a customer whose wait can end now. @throws RekeyError no_waiting_restore */
export const findEndable = async (tx: AnyTransaction, customerId: number) => {
  const found = await findLast(tx, customerId)
  const ending = found ? endWait(found.restore, found.at) : { result: 'refused' as const, reason: 'over' as const }
  if (found && ending.result === 'ended') return { restore: found.restore, times: ending.times }
  const isReady = ending.result === 'refused' && ending.reason === 'ready'
  throw new RekeyError('no_waiting_restore', isReady ? { detail: 'The wait has ended: the password can be set.' } : {})
}

/**
 * Ends the wait of this restore, once a second person approves. Another restore, or a later one, is not touched: neither
 * person has judged it.
 *
 * @throws RekeyError not_found, customer_not_verified, no_waiting_restore, already_decided, unavailable
 */
export const endWaitOfRestore = async (
  deps: WaitingDeps,
  { customer: { id: customerId }, waitingRestoreId }: { customer: { id: number }; waitingRestoreId: string },
  by: Mandate,
  approval: ApprovalDecision | undefined,
): Promise<void> => {
  if (!approval?.verified) throw new RekeyError('customer_not_verified')
  const { database, random, now, newAddressMs, waitingMetrics, log } = deps
  const { code, plannedEnd } = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    await decideApproval(tx, approval)
    const { restore, times } = await findEndable(tx, customerId)
    if (restore.id !== waitingRestoreId) throw new RekeyError('no_waiting_restore')
    await storeEndOfWait(tx, restore.id, times)
    const change = await appendStaffRecord(tx, customer, 'end_wait', { by, at })
    const addresses = await notifiedAddresses(tx, customerId, new Date(at.getTime() - newAddressMs))
    const notice = { ...restore, ...times, notice: 'ended_early' as const }
    await addEvents(tx, customer.code, change.createTime, [
      waitEndedEvent(random, customer, restore, change, { ...by, approvedBy: approval.by }),
      ...(await restoreWaitingNotifications(deps, { customer, addresses }, notice)),
    ])
    return { code: customer.code, plannedEnd: restore.endsAt }
  })
  waitingMetrics.count('wait_ended')
  log.event('authn_restore_wait_ended', { customer: code, until: plannedEnd, ...staffForLog(by) })
}
