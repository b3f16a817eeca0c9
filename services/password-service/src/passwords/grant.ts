import { type Proof, RekeyError, type RestoreProofs } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { hashForLog } from '@rekey/platform/logger'
import { currentSpan } from '@rekey/platform/trace'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { clockSlackMs } from '../sessions/sessions.store.ts'

/** The single-use right to set one password, or to change the second factors once, read from a success token. */
export interface Grant {
  jti: string
  purpose: 'change' | 'restore' | 'changeFactors'
  challengeId: string
  /** For a change of either the customer's code; for a restore the challenge: the gateway does not know the customer. */
  subject: string
  clientId: string
  expiresAt: Date
  /** When the code was submitted; judge the proof by it, since a token may be issued later (S42). */
  provenAt: Date
  /** The proofs that were given for it, if the gateway recorded them. */
  proofs: Proof[] | undefined
  /** When each proof was submitted. */
  provenTimes: Date[]
  /** The rule for second proofs that the client asks for. */
  restoreProofs: RestoreProofs | undefined
  /** The verified claims; they name the session that the token was issued in. */
  claims: TokenClaims
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Refuses a grant. The caller gets the same answer for every reason, so that tokens cannot be probed; the log gets it. */
export const refuseGrant = (reason: string): RekeyError =>
  new RekeyError('success_token_refused', { cause: new Error(reason) })

/**
 * Reads a success token's verified claims. `owner` is the code of the signed-in customer, who alone may use the grant of
 * a change (S19).
 *
 * @throws RekeyError success_token_refused
 */
export const toGrant = (claims: TokenClaims | undefined, purpose: Grant['purpose'], owner?: string): Grant => {
  if (!claims) throw refuseGrant('invalid token')
  if (claims.purpose !== purpose) throw refuseGrant('another purpose')
  const { jti, challenge_id: challengeId = '' } = claims
  if (!uuid.test(jti) || !uuid.test(challengeId)) throw refuseGrant('malformed')
  if (owner !== undefined && claims.sub !== owner) throw refuseGrant('another customer')
  // Gateways of the version before state no auth_time: they issue the token with the answer, or up to a minute later.
  const provenAt = new Date((claims.auth_time ?? claims.iat) * 1_000)
  const span = currentSpan()
  span?.link(claims.trace)
  span?.set({ 'rekey.challenge': hashForLog(challengeId) })
  return {
    jti,
    purpose,
    challengeId,
    subject: claims.sub,
    clientId: claims.client_id,
    expiresAt: new Date(claims.exp * 1_000),
    provenAt,
    proofs: claims.proofs,
    provenTimes: [provenAt, ...(claims.proofs ?? []).map(({ at }) => new Date(at * 1_000))],
    restoreProofs: claims.restore_proofs,
    claims,
  }
}

/** Deletes spent tokens that have expired on every machine's clock. */
export const deleteExpiredTokens =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'spent_token', column: 'expires_at' }, new Date(now.getTime() - clockSlackMs), limit)
