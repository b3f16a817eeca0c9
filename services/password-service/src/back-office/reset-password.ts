import { noSuchResource } from '@rekey/contracts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { resetPasswords } from '../passwords/reset-passwords.ts'
import { type ApprovalDecision, decideApproval } from '../staff/decide-approval.ts'
import type { Mandate } from '../staff/staff.ts'

export const unknownCustomer = () => noSuchResource('clientId')

interface Deps extends NotificationDeps {
  database: Database
}

/** Resets one customer's password (B9). @throws RekeyError not_found, already_decided, unavailable */
export const resetPassword = (
  deps: Deps,
  customerId: number,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<void> =>
  deps.database.transaction(async (tx) => {
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    if (approval) await decideApproval(tx, approval)
    await resetPasswords(tx, deps, [customer], { by })
  })
