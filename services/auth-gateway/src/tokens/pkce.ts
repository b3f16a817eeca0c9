import { createHash } from 'node:crypto'
import { RekeyError } from '@rekey/contracts'

interface CodeChallengeRequest {
  code_challenge?: string
  code_challenge_method?: string
}

/**
 * The S256 challenge of a request; undefined if it has none.
 *
 * @throws RekeyError invalid_request: a challenge without a method means `plain` (RFC 7636 §4.3), which is refused
 * (ASVS 10.4.6)
 */
export const codeChallengeOf = ({
  code_challenge,
  code_challenge_method,
}: CodeChallengeRequest): string | undefined => {
  if (code_challenge === undefined || code_challenge_method !== undefined) return code_challenge
  throw new RekeyError('invalid_request', {
    detail: 'code_challenge_method is missing: it must be S256.',
    fields: [{ field: 'code_challenge_method', code: 'missing', message: 'must be S256' }],
  })
}

/** The S256 challenge of a verifier (RFC 7636 §4.6); '' for none. */
export const challengeOfVerifier = (verifier: string | undefined): string =>
  verifier === undefined ? '' : createHash('sha256').update(verifier).digest('base64url')
