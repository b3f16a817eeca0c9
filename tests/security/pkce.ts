import { createHash } from 'node:crypto'

/** Of a public client, which proves by it that a code was given to it (RFC 7636 §4.1). */
export const verifier = 'a-verifier-of-forty-three-characters-or-more'

/** What is sent of it when the code is asked for. */
export const pkce = {
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
}
