import type { CodeSent } from '@rekey/contracts'
import type { OpenChallenge } from '../challenges/challenge.ts'
import type { MfaTokens } from './mfa-token.ts'

/** The OAuth endpoints' answer to a sent code. A1 gives it whether or not the account exists. */
export const codeSent = ({ issueMfaToken }: Pick<MfaTokens, 'issueMfaToken'>, challenge: OpenChallenge): CodeSent => ({
  mfa_token: issueMfaToken(challenge),
  code: challenge.verificationCode,
  error: 'mfa_code_required',
  error_description: 'Please confirm challenge with sent code',
  state: challenge.state,
})
