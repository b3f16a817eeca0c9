import { RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Database } from '../database.ts'
import { type ProofRule, verifiedUntil } from '../staff/customer-proof.ts'
import type { Staff } from '../staff/staff.ts'
import type { Action, CarryOut } from './actions.ts'
import type { Approvals } from './approvals.service.ts'
import type { Outcome } from './back-office.service.ts'

interface Deps extends ProofRule {
  database: Database
  /** REKEY_BACK_OFFICE_FOUR_EYES. */
  hasFourEyes: boolean
  carryOut: CarryOut
  request: Approvals['request']
  now: Now
}

/**
 * Returns the function that carries out an action, or requests its approval. With four eyes every action waits for a second
 * person; otherwise one on a customer whom the member has not verified, and for which a reason is stated (S59).
 *
 * @throws RekeyError customer_not_verified, owner_unknown, unavailable, and those of the action
 */
export const createPerform =
  ({ database, staffNeedsProof, hasFourEyes, carryOut, request, now }: Deps) =>
  async (action: Action, by: Staff): Promise<Outcome> => {
    const isVerified =
      action.kind !== 'reset_all' &&
      (await database.query((tx) => verifiedUntil(tx, action.customer.id, by, now()))) !== undefined
    const lacksProof = staffNeedsProof && action.kind !== 'reset_all' && !isVerified
    if (lacksProof && by.reason === undefined) throw new RekeyError('customer_not_verified')
    // A verification may end meanwhile: the action's own transaction judges again.
    return hasFourEyes || lacksProof ? request(action, by, isVerified) : carryOut(action, by)
  }
