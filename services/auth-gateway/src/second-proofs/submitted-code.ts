import {
  missingField,
  type PasskeyAssertion,
  type ProofGrantType,
  RekeyError,
  readProofCode,
  type SecondProof,
} from '@rekey/contracts'
import type { Submitted } from '../challenges/compare.ts'

/** The fields of a request that prove the customer. */
export interface ProofFields {
  code?: string | number
  credential?: PasskeyAssertion
}

/** No value of this form is right, so that it costs no attempt. */
const malformed = () =>
  new RekeyError('invalid_request', {
    detail: 'code is malformed.',
    fields: [{ field: 'code', code: 'malformed', message: 'is malformed' }],
  })

const isDigits = (code: string) => /^\d{1,12}$/.test(code)

/** A submitted proof by the grant type that says how it proves the customer. @throws RekeyError invalid_request */
export const submittedBy = (grantType: ProofGrantType, { code: submitted, credential }: ProofFields): Submitted => {
  if (grantType === 'mfa_webauthn') {
    if (credential === undefined) throw missingField('credential')
    return { method: 'passkey', credential }
  }
  if (submitted === undefined) throw missingField('code')
  const code = readProofCode(String(submitted))
  if (grantType === 'mfa_recovery_code') {
    if (!/^[0-9A-Za-z]{1,64}$/.test(code)) throw malformed()
    return { method: 'recovery_code', code }
  }
  if (!isDigits(code)) throw malformed()
  return grantType === 'mfa_otp' ? { method: 'totp', code } : code
}

/**
 * The grant type of a proof at B6, which names none. Letters are of a recovery code only; digits are those of the way that
 * was chosen at A4b, without a choice those of the authenticator app if the customer has one.
 *
 * @throws RekeyError invalid_request unless exactly one of code and credential is given
 */
export const grantTypeOf = (
  { chosen, challengeTypes }: Pick<SecondProof, 'chosen' | 'challengeTypes'>,
  { code: submitted, credential }: ProofFields,
): ProofGrantType => {
  if (credential !== undefined && submitted !== undefined) {
    throw new RekeyError('invalid_request', {
      detail: 'Exactly one of code and credential must be given.',
      fields: [{ field: 'code', code: 'not_exactly_one', message: 'or credential must be given, and not both' }],
    })
  }
  if (credential !== undefined) return 'mfa_webauthn'
  if (submitted === undefined) throw missingField('code')
  if (!isDigits(readProofCode(String(submitted)))) return 'mfa_recovery_code'
  if (chosen === 'recovery_code') return 'mfa_recovery_code'
  // No message was sent for a passkey, so that digits are those of the app.
  if (chosen === 'webauthn') return 'mfa_otp'
  return (chosen ?? (challengeTypes.includes('otp') ? 'otp' : '')) === 'otp' ? 'mfa_otp' : 'mfa_oob'
}
