import { type ProofGrantType, RekeyError, readProofCode, type SecondProof } from '@rekey/contracts'
import type { Submitted } from '../challenges/compare.ts'

/** No value of this form is right, so that it costs no attempt. */
const malformed = () =>
  new RekeyError('invalid_request', {
    detail: 'code is malformed.',
    fields: [{ field: 'code', code: 'malformed', message: 'is malformed' }],
  })

const isDigits = (code: string) => /^\d{1,12}$/.test(code)

/** A submitted code by the grant type that says how it proves the customer. @throws RekeyError invalid_request */
export const submittedBy = (grantType: ProofGrantType, submitted: string | number): Submitted => {
  const code = readProofCode(String(submitted))
  if (grantType === 'mfa_recovery_code') {
    if (!/^[0-9A-Za-z]{1,64}$/.test(code)) throw malformed()
    return { method: 'recovery_code', code }
  }
  if (!isDigits(code)) throw malformed()
  return grantType === 'mfa_otp' ? { method: 'totp', code } : code
}

/**
 * The grant type of a code at B6, which names none: letters are of a recovery code only; digits are those of the way that
 * was chosen at A4b, without a choice those of the authenticator app if the customer has one.
 */
export const grantTypeOf = (
  { chosen, challengeTypes }: Pick<SecondProof, 'chosen' | 'challengeTypes'>,
  submitted: string | number,
): ProofGrantType => {
  if (!isDigits(readProofCode(String(submitted)))) return 'mfa_recovery_code'
  if (chosen === 'recovery_code') return 'mfa_recovery_code'
  return (chosen ?? (challengeTypes.includes('otp') ? 'otp' : '')) === 'otp' ? 'mfa_otp' : 'mfa_oob'
}
