import { scopes } from '@rekey/contracts'
import type { TokenClaims } from './token-claims.ts'

type Claims = Pick<TokenClaims, 'iat' | 'auth_time' | 'scope' | 'purpose'>

/**
 * When the session of a customer's token began, in seconds since the epoch: `auth_time` (RFC 9068 §2.2.1), which a refresh
 * keeps. A token without it, of an identity provider or of the gateway's version before, began when it was issued.
 *
 * @returns undefined for tokens that a reset of all customers does not end: those of staff, and grants of a restore, whose
 * subject is a challenge
 */
export const sessionBeganAt = ({ iat, auth_time = iat, scope, purpose }: Claims): number | undefined => {
  const isStaff = scope.split(' ').includes(scopes.backOffice)
  return isStaff || purpose === 'restore' ? undefined : Math.floor(auth_time)
}

/**
 * True if a reset of all customers ended a session that began then (seconds since the epoch). In the same second it counts
 * as ended: claims have whole seconds.
 */
export const beganBefore = (beganAt: number | undefined, notBefore: Date | undefined): boolean =>
  beganAt !== undefined && notBefore !== undefined && Math.floor(beganAt) * 1_000 <= notBefore.getTime()
