import type { Proof, RestoreProofs } from '@rekey/contracts'

/** Claims of the tokens that the gateway signs (RFC 9068 §2.2). */
export interface TokenClaims {
  iss: string
  aud: string[]
  /** The customer's code, the back-office client, or the challenge's id in the grant of a restore. */
  sub: string
  jti: string
  /** Seconds since the epoch. */
  exp: number
  iat: number
  /**
   * When the customer gave the proof that the token was made from (OpenID Connect Core §2): the submitted code, or the
   * sign-in at the identity provider; a refresh keeps it. Judge a proof by this time: a token may be issued much later.
   */
  auth_time?: number
  /** Authentication methods (RFC 8176). In customers' tokens, if the gateway recorded them. */
  amr?: string[]
  client_id: string
  scope: string
  /** Only in tokens that a back-office client got for itself: the person who answers for the client. */
  owner?: string
  /** The session that the token belongs to. A token that no refresh token continues has a session of its own. */
  sid: string
  /** The customer's session epoch at the sign-in: a higher one ends the token. Only in customers' tokens. */
  session_epoch?: number
  /** Only in grants: what the grant permits, and the challenge that it came from. */
  purpose?: 'restore' | 'change' | 'changeFactors'
  challenge_id?: string
  /** Only in grants: the proofs that were given for it. Absent: a gateway of the version before issued it. */
  proofs?: Proof[]
  /** Only in grants: the rule for second proofs that the client asks for, besides that of the password-service. */
  restore_proofs?: RestoreProofs
  /** Only in grants: the `traceparent` of the request that issued it, if that is recorded. The request that uses it links there. */
  trace?: string
}
