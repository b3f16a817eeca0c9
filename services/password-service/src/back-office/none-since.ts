import { RekeyError } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import { hasBegunSince } from '../history/history.store.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'

const begun = { block: 'The customer was blocked', hold: 'A recovery hold began' }

/**
 * Asserts that no block or hold of the locked customer began after the request to end it: an approval must not end a later
 * one, which neither person has judged.
 *
 * @throws RekeyError already_decided
 */
export const assertNoneSince = async (
  tx: Transaction,
  what: 'block' | 'hold',
  customerId: number,
  { requestedAt }: ApprovalDecision,
): Promise<void> => {
  if (!(await hasBegunSince(tx, what, customerId, requestedAt))) return
  throw new RekeyError('already_decided', { detail: `${begun[what]} after this request. Request it again.` })
}
