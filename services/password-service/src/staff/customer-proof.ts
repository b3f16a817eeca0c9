import { RekeyError, type VerificationChannel, verifiedMinutes } from '@rekey/contracts'
import { type AnyTransaction, prepared, type RunStatement, runIn } from '../statements.ts'
import { type ApprovalDecision, decideApproval } from './decide-approval.ts'
import type { Mandate } from './staff.ts'

// The one rule about proofs that the help desk needs (S59; ASVS 6.4.6). Staff act on a customer only with that customer's
// live verification (C8, C9), made by the member who acts, or with a reason and a second person, which the customer is told.

/** The customer's verification behind an act, a second person in its place, or nothing because none is required. */
export const customerProofs = ['verified', 'overridden', 'not_required'] as const
export type CustomerProof = (typeof customerProofs)[number]

export interface ProofRule {
  /** REKEY_STAFF_NEEDS_PROOF. */
  staffNeedsProof: boolean
}

/** For how long a verification counts, in milliseconds. */
export const verifiedMs = verifiedMinutes * 60_000

// While a hold lasts, the channel that the password came by proves nothing: whoever reads that mailbox has the password too
// (S44). A verification over it may be older than the hold.
const findVerified = prepared<
  { method: VerificationChannel; verifiedAt: Date },
  [customerId: number, staff: string, verifiedAfter: Date, at: Date]
>(
  'find_customer_proof',
  `SELECT v.method, max(v.verified_at) AS "verifiedAt" FROM verification v JOIN customer c ON c.id = v.customer_id
  WHERE v.customer_id = $1::int AND v.staff = $2::text AND v.verified_at > $3::timestamptz
    AND (CASE WHEN c.hold_until > $4::timestamptz THEN c.password_channel END IS NULL
      OR v.method <> CASE c.password_channel WHEN 'email' THEN 'email' ELSE 'sms' END)
  GROUP BY v.method`,
)

const endAll = prepared<never, [customerId: number, at: Date]>(
  'end_customer_proofs',
  `UPDATE verification SET verified_at = NULL, code_hmac = NULL, expires_at = LEAST(expires_at, $2::timestamptz)
  WHERE customer_id = $1::int AND (verified_at IS NOT NULL OR expires_at > $2::timestamptz)`,
)

/** The verifications that count which this member of staff made of the customer: methods, and until when each counts. */
export const verificationsOf = async (
  run: RunStatement | AnyTransaction,
  customerId: number,
  by: Pick<Mandate, 'id'>,
  at: Date,
): Promise<Map<VerificationChannel, Date>> => {
  const found = await runIn(run, findVerified, customerId, by.id, new Date(at.getTime() - verifiedMs), at)
  return new Map(found.map(({ method, verifiedAt }) => [method, new Date(verifiedAt.getTime() + verifiedMs)]))
}

/** The latest of some times; undefined of none. */
export const latestOf = (times: Iterable<Date>): Date | undefined =>
  [...times].toSorted((one, other) => other.getTime() - one.getTime())[0]

/** Until when this member of staff has verified the customer, by whichever method; undefined if not. */
export const verifiedUntil = async (...wanted: Parameters<typeof verificationsOf>): Promise<Date | undefined> =>
  latestOf((await verificationsOf(...wanted)).values())

/** Ends the verifications of a locked customer who is blocked: what was proven before says nothing any more. */
export const endVerifications = async (tx: AnyTransaction, customerId: number, at: Date): Promise<void> => {
  await runIn(tx, endAll, customerId, at)
}

/** The proof behind an act that is carried out: without an approval, `judgeAct` has found the verification. */
export const proofBehind = ({ staffNeedsProof }: ProofRule, approval?: ApprovalDecision): CustomerProof => {
  if (!staffNeedsProof) return 'not_required'
  return approval && !approval.verified ? 'overridden' : 'verified'
}

interface Act {
  /** The transaction has locked the customer. */
  customerId: number
  by: Pick<Mandate, 'id'>
  approval: ApprovalDecision | undefined
  at: Date
}

/**
 * Decides, in the transaction of an act on a customer, whether it may be carried out: decides its approval, or asserts the
 * verification.
 *
 * @throws RekeyError customer_not_verified, already_decided
 */
export const judgeAct = async (
  tx: AnyTransaction,
  rule: ProofRule,
  { customerId, by, approval, at }: Act,
): Promise<CustomerProof> => {
  if (approval) await decideApproval(tx, approval)
  const proof = proofBehind(rule, approval)
  if (proof === 'verified' && !approval && !(await verifiedUntil(tx, customerId, by, at))) {
    throw new RekeyError('customer_not_verified')
  }
  return proof
}
