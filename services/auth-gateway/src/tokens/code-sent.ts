import type { CodeSent } from '@rekey/contracts'
import type { Tokens } from './tokens.ts'
import type { OpenChallenge } from '../challenges/challenges.service.ts'

/** The one answer of the OAuth endpoints to a code that went out (or would have: A1 does not know). */
export const codeSent = (tokens: Tokens, challenge: OpenChallenge): CodeSent => ({
  mfa_token: tokens.mfa(challenge),
  code: challenge.verificationCode,
  error: 'mfa_code_required',
  error_description: 'Please confirm challenge with sent code',
  state: challenge.state,
})
