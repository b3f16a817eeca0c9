import { createHash } from 'node:crypto'

/** Code verifier of a public client (RFC 7636 §4.1). */
export const verifier = 'a-verifier-of-forty-three-characters-or-more'

/** Its challenge, for the authorization request (RFC 7636 §4.2). */
export const pkce = {
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
}
