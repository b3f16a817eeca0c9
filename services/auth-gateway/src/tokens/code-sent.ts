import type { CodeAwaited, CodeSent, PasskeyRequest, RestoreWaits } from '@rekey/contracts'
import type { OpenChallenge } from '../challenges/challenge.ts'
import type { MfaTokens } from './mfa-token.ts'

/** The answer if the proof is not a code that we send. `publicKey`: of a passkey. */
export const codeAwaited = (mfaToken: string, state: string, publicKey?: PasskeyRequest): CodeAwaited => ({
  mfa_token: mfaToken,
  error: 'mfa_code_required',
  error_description: publicKey
    ? 'Please confirm challenge with your passkey'
    : 'Please confirm challenge with your code',
  state,
  ...(publicKey && { publicKey }),
})

/** The answer if the customer cannot give the second proof. */
export const restoreWaits = (mfaToken: string, waitsUntil: string, state: string): RestoreWaits => ({
  mfa_token: mfaToken,
  error: 'restore_waiting',
  error_description: 'Restore again by the same method after waits_until',
  waits_until: waitsUntil,
  state,
})

/** The OAuth endpoints' answer to a sent code. A1 gives it whether or not the account exists. */
export const codeSent = (
  { issueMfaToken }: Pick<MfaTokens, 'issueMfaToken'>,
  challenge: OpenChallenge,
  mfaToken = issueMfaToken(challenge),
): CodeSent => ({
  mfa_token: mfaToken,
  code: challenge.verificationCode,
  error: 'mfa_code_required',
  error_description: 'Please confirm challenge with sent code',
  state: challenge.state,
})
