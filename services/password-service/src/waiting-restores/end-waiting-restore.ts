import { RestoreCompleted, RestoreExpired, type Veto } from '@rekey/contracts'
import type { LockedCustomer } from '../customers/lock.ts'
import type { ChainedChange } from '../history/digest.ts'
import { restoreWaitingNotifications } from '../notifications/notifications.ts'
import { channelOf } from '../notifications/recipient.ts'
import type { NewEvent } from '../outbox/event.ts'
import type { AnyTransaction } from '../statements.ts'
import { appendRecord, appendStaffRecord, endedEvent, type VetoedBy, vetoedEvent } from './waiting-restore-events.ts'
import { finishWaiting, notifiedAddresses, type WaitingNow } from './waiting-restores.store.ts'
import type { WaitingDeps } from './waiting-restores.ts'

// The outcomes of a waiting restore, each within the transaction that causes it: with the customer locked one of them comes
// first, and the others find the restore ended.

/** What the transaction adds to the outbox, and what is counted and logged once it has committed. */
export interface Ended {
  events: NewEvent[]
  report(): void
}

const aboutOf = ({ code: customer }: LockedCustomer, { restore }: WaitingNow) => ({
  customer,
  channel: channelOf(restore.kind),
})

/** A block and a new password are told themselves; other vetoes are told as such. */
const isTold = (by: Veto) => by !== 'block' && by !== 'new_password'

/** Ends a restore that waits without a password. */
export const vetoWithin = async (
  deps: WaitingDeps,
  tx: AnyTransaction,
  customer: LockedCustomer,
  waiting: WaitingNow,
  { by, ip, staff }: VetoedBy,
): Promise<Ended> => {
  const { random, now, newAddressMs } = deps
  const { restore, at } = waiting
  await finishWaiting(tx, restore.id, { state: 'vetoed', at, vetoedBy: by })
  const recordedAt = now()
  const record = { ...restore, ip: ip ?? restore.ip, at: recordedAt }
  const change = staff
    ? await appendStaffRecord(tx, customer, 'veto_waiting_restore', { by: staff, at: recordedAt })
    : await appendRecord(tx, customer, 'veto_waiting_restore', record)
  const lostAfter = new Date(recordedAt.getTime() - newAddressMs)
  const addresses = isTold(by) ? await notifiedAddresses(tx, customer.id, lostAfter) : []
  return {
    events: [
      vetoedEvent(random, customer, restore, change, { by, ip, ...(staff && { staff }) }),
      ...(await restoreWaitingNotifications(deps, { customer, addresses }, { notice: 'vetoed', ...restore })),
    ],
    report() {
      deps.waitingMetrics.vetoed(by)
      deps.log.event('authn_restore_vetoed', {
        ...aboutOf(customer, waiting),
        by,
        ...(ip !== undefined && { address: ip }),
        ...(staff && { actorId: staff.id, clientId: staff.clientId }),
      })
    },
  }
}

/** Ends a restore whose new password is this record of the history. */
export const completeWithin = async (
  deps: WaitingDeps,
  tx: AnyTransaction,
  customer: LockedCustomer,
  waiting: WaitingNow,
  change: Pick<ChainedChange, 'id' | 'digest'>,
): Promise<Ended> => {
  const { restore, at } = waiting
  await finishWaiting(tx, restore.id, { state: 'completed', at })
  return {
    events: [endedEvent(deps.random, RestoreCompleted, customer, restore, change)],
    report() {
      deps.waitingMetrics.count('completed')
      deps.log.event('authn_waiting_restore_completed', aboutOf(customer, waiting))
    },
  }
}

/** Ends a restore whose time to set a password is over. */
export const expireWithin = async (
  deps: WaitingDeps,
  tx: AnyTransaction,
  customer: LockedCustomer,
  waiting: WaitingNow,
): Promise<Ended> => {
  const { restore, at } = waiting
  await finishWaiting(tx, restore.id, { state: 'expired', at })
  const change = await appendRecord(tx, customer, 'expire_waiting_restore', { ...restore, at: deps.now() })
  return {
    events: [endedEvent(deps.random, RestoreExpired, customer, restore, change)],
    report() {
      deps.waitingMetrics.count('expired')
      deps.log.event('authn_waiting_restore_expired', aboutOf(customer, waiting))
    },
  }
}
