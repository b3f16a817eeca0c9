import { RekeyError } from '@rekey/contracts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'

/** The decision of a second person about an action of the back office. */
export interface ApprovalDecision {
  /** Id of the approval. */
  id: string
  state: 'approved' | 'rejected'
  requestedAt: Date
  /** True if the maker had verified the customer. */
  verified: boolean
  /** Token subject; never the maker's. */
  by: string
  /** The person whom that token stands for; never the maker's. */
  owner: string
  at: Date
  /** Why, in the member's own words. */
  reason: string | undefined
}

type Decision = [
  id: string,
  state: ApprovalDecision['state'],
  by: string,
  owner: string,
  at: Date,
  reason: string | null,
]

const decide = prepared<object, Decision>(
  'decide_approval',
  `UPDATE approval SET state = $2::approval_state, decided_by = $3, decided_by_owner = $4, decided_at = $5::timestamptz,
    decision_reason = $6, hash = NULL, sealed_password = NULL
  WHERE id = $1::uuid AND state = 'pending' AND expires_at > $5::timestamptz AND maker <> $3
    AND (maker_owner <> $4 OR (maker_owner IS NULL AND $2::approval_state = 'rejected'))
  RETURNING id`,
)

/**
 * Decides an approval, once, before it expires, by another owner than its maker's, and deletes its password. A request
 * without an owner (of an earlier version) can only be rejected. Within the transaction of the action, so that both
 * commit or neither.
 *
 * @throws RekeyError already_decided
 */
export const decideApproval = async (
  tx: AnyTransaction,
  { id, state, by, owner, at, reason }: ApprovalDecision,
): Promise<void> => {
  const decided = await runIn(tx, decide, id, state, by, owner, at, reason || null)
  if (decided.length === 0) throw new RekeyError('already_decided')
}
