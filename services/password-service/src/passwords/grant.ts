import { RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'

/** What a success token is good for: one new password. */
export interface Grant {
  jti: string
  purpose: 'change' | 'restore'
  challengeId: string
  /** The customer's code for a change; for a restore the challenge, since the gateway does not know whose it is. */
  subject: string
  clientId: string
  expiresAt: Date
  /** As they were verified: whose session it came from. */
  claims: TokenClaims
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Why a token is none of ours to take. Callers are told none of it; logs are. */
type Refusal = 'not sound' | 'for another purpose' | 'malformed' | 'for another person'

/** One answer for whatever is wrong, so that a token's fault cannot be probed for; the cause is for the log. */
export const refuseGrant = (reason: string): RekeyError =>
  new RekeyError('success_token_refused', { cause: new Error(reason) })

/** A change is the signed-in person's own (S19). */
const isAnothers = (claims: TokenClaims, owner: string | undefined) => owner !== undefined && claims.sub !== owner

const faultOf = (
  claims: TokenClaims | undefined,
  purpose: 'change' | 'restore',
  owner: string | undefined,
): Refusal | undefined => {
  if (!claims) return 'not sound'
  if (claims.purpose !== purpose) return 'for another purpose'
  if (!uuid.test(claims.jti) || !uuid.test(claims.challenge_id ?? '')) return 'malformed'
  if (isAnothers(claims, owner)) return 'for another person'
}

/**
 * Reads a success token's verified claims. `owner` is the signed-in customer's code where there is one.
 *
 * @throws RekeyError success_token_refused
 */
export const toGrant = (claims: TokenClaims | undefined, purpose: 'change' | 'restore', owner?: string): Grant => {
  const fault = faultOf(claims, purpose, owner)
  if (fault || !claims) throw refuseGrant(fault ?? 'not sound')
  return {
    jti: claims.jti,
    purpose,
    challengeId: claims.challenge_id ?? '',
    subject: claims.sub,
    clientId: claims.client_id,
    expiresAt: new Date(claims.exp * 1_000),
    claims,
  }
}
