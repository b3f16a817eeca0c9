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
  client_id: string
  scope: string
  /** The session that the token belongs to. A token that no refresh token continues has a session of its own. */
  sid: string
  /** The customer's session epoch at the sign-in: a higher one ends the token. Only in customers' tokens. */
  session_epoch?: number
  /** When the session began, in seconds since the epoch; a refresh keeps it. Only in customers' tokens. */
  auth_time?: number
  /** Only in grants: what the grant permits, and the challenge that it came from. */
  purpose?: 'restore' | 'change'
  challenge_id?: string
}
