import { PasskeyAssertion, type ProofGrantType, readCode, readProofCode } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import { isOwnWay } from '../second-proofs/second-proofs.ts'
import type { ProofFields } from '../second-proofs/submitted-code.ts'
import type { Outcome } from './outcome.ts'
import { faultOfCode, faultOfOwnCode } from './outcomes.ts'

/** Reads the JSON that a page's script has put into its form; undefined if it does not match the schema. */
export const readCredential = <T>(isOfSchema: (value: unknown) => boolean, input: string): T | undefined => {
  try {
    const value: unknown = JSON.parse(input)
    return isOfSchema(value) ? (value as T) : undefined
  } catch {
    return undefined
  }
}

const isAssertion = compileCheck(PasskeyAssertion)

/**
 * Reads a submitted proof: returns the fields of a request, or the fault that is found before it is verified.
 *
 * @param verificationCode of a code that was sent
 */
export const readProof = (
  way: string,
  input: string,
  verificationCode: string,
): { fields: ProofFields } | { fault: Outcome } => {
  if (way === 'webauthn') {
    const credential = readCredential<PasskeyAssertion>(isAssertion, input)
    return credential ? { fields: { credential } } : { fault: { kind: 'noPasskey' } }
  }
  const code = isOwnWay(way) ? readProofCode(input) : readCode(input)
  const fault = isOwnWay(way) ? faultOfOwnCode(way, input) : faultOfCode(code, verificationCode)
  return fault ? { fault } : { fields: { code } }
}

const grantTypes: Record<string, ProofGrantType> = {
  webauthn: 'mfa_webauthn',
  otp: 'mfa_otp',
  recovery_code: 'mfa_recovery_code',
}

/** The grant type of a chosen way. */
export const grantTypeOfWay = (way: string): ProofGrantType => grantTypes[way] ?? 'mfa_oob'
