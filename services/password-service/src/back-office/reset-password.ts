import { noSuchResource } from '@rekey/contracts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { resetPasswords } from '../passwords/reset-passwords.ts'
import { judgeAct, type ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import type { Mandate } from '../staff/staff.ts'

export const unknownCustomer = () => noSuchResource('clientId')

interface Deps extends NotificationDeps, ProofRule {
  database: Database
}

/** Resets one customer's password (B9). @throws RekeyError not_found, customer_not_verified, already_decided, unavailable */
export const resetPassword = (
  deps: Deps,
  customerId: number,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<void> =>
  deps.database.transaction(async (tx) => {
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const proof = await judgeAct(tx, deps, { customerId, by, approval, at: deps.now() })
    await resetPasswords(tx, deps, [customer], { by, unverified: proof === 'overridden' })
  })
