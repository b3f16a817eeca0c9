import { RekeyError } from '@rekey/contracts'
import { lockCustomer } from '../customers/lock.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { Staff } from '../staff/staff.ts'
import { vetoWithin } from '../waiting-restores/end-waiting-restore.ts'
import { isOpen } from '../waiting-restores/waiting-restore.ts'
import { findLast } from '../waiting-restores/waiting-restores.store.ts'
import type { WaitingDeps } from '../waiting-restores/waiting-restores.ts'
import { unknownCustomer } from './reset-password.ts'

/**
 * Vetoes the waiting restore of a customer who told the staff not to have asked for it (C11). At once, also with four eyes: it
 * protects the customer. If the last restore is vetoed already, it does nothing.
 *
 * @throws RekeyError not_found, no_waiting_restore, unavailable
 */
export const vetoWaitingRestore = async (deps: WaitingDeps, customerId: number, by: Staff): Promise<void> => {
  const { database, now } = deps
  const ended = await database.runTransaction(async (run) => {
    const customer = await lockCustomer(run, customerId)
    if (!customer) throw unknownCustomer()
    const last = await findLast(run, customerId)
    if (last?.restore.state === 'vetoed') return undefined
    if (!last || !isOpen(last.restore, last.at)) throw new RekeyError('no_waiting_restore')
    const vetoed = await vetoWithin(deps, run, customer, last, { by: 'staff', ip: by.ip, staff: by })
    await addEvents(run, customer.code, now(), vetoed.events)
    return vetoed
  })
  ended?.report()
}
