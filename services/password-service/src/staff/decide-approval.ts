import { RekeyError } from '@rekey/contracts'
import type { Transaction } from '../database.ts'

/** The decision of a second person about an action of the back office. */
export interface ApprovalDecision {
  /** Id of the approval. */
  id: string
  state: 'approved' | 'rejected'
  /** Token subject; never the maker's. */
  by: string
  at: Date
}

/** Columns that hold a new password until the decision. */
export const noPassword = { hash: null, sealedPassword: null }

/**
 * Decides an approval, once, before it expires, by somebody other than its maker, and deletes its password. Within the
 * transaction of the action, so that both commit or neither.
 *
 * @throws RekeyError already_decided
 */
export const decideApproval = async (tx: Transaction, { id, state, by, at }: ApprovalDecision): Promise<void> => {
  const { count } = await tx.approval.updateMany({
    where: { id, state: 'pending', expiresAt: { gt: at }, maker: { not: by } },
    data: { state, decidedBy: by, decidedAt: at, ...noPassword },
  })
  if (count === 0) throw new RekeyError('already_decided')
}
