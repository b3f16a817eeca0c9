import { RekeyError } from '@rekey/contracts'
import type { Transaction } from '../database.ts'

/** The decision of a second person about an action of the back office. */
export interface ApprovalDecision {
  /** Id of the approval. */
  id: string
  state: 'approved' | 'rejected'
  requestedAt: Date
  /** Token subject; never the maker's. */
  by: string
  /** The person whom that token stands for; never the maker's. */
  owner: string
  at: Date
  /** Why, in the member's own words. */
  reason: string | undefined
}

/** Columns that hold a new password until the decision. */
export const noPassword = { hash: null, sealedPassword: null }

/**
 * Decides an approval, once, before it expires, by another owner than its maker's, and deletes its password. A request
 * without an owner (of an earlier version) can only be rejected. Within the transaction of the action, so that both
 * commit or neither.
 *
 * @throws RekeyError already_decided
 */
export const decideApproval = async (
  tx: Transaction,
  { id, state, by, owner, at, reason = '' }: ApprovalDecision,
): Promise<void> => {
  const { count } = await tx.approval.updateMany({
    where: {
      id,
      state: 'pending',
      expiresAt: { gt: at },
      maker: { not: by },
      OR: [{ makerOwner: { not: owner } }, ...(state === 'rejected' ? [{ makerOwner: null }] : [])],
    },
    data: { state, decidedBy: by, decidedByOwner: owner, decidedAt: at, decisionReason: reason || null, ...noPassword },
  })
  if (count === 0) throw new RekeyError('already_decided')
}
