import { PasskeyAssertion, type ProofGrantType, readProofCode } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import type { ProofFields } from '../second-proofs/submitted-code.ts'
import type { Outcome } from './outcome.ts'

const isAssertion = compileCheck(PasskeyAssertion) as (value: unknown) => value is PasskeyAssertion

/** The assertion that the script of the page has put into the form; undefined if it is none. */
const readAssertion = (input: string): PasskeyAssertion | undefined => {
  try {
    const value: unknown = JSON.parse(input)
    return isAssertion(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** What was submitted for an enrolled method: the fields of a request, or what is wrong with it before it is verified. */
export const readOwnProof = (type: string, input: string): { fields: ProofFields } | { fault: Outcome } => {
  if (type === 'webauthn') {
    const credential = readAssertion(input)
    return credential ? { fields: { credential } } : { fault: { kind: 'noPasskey' } }
  }
  const code = readProofCode(input)
  const isWhole = type === 'otp' ? /^\d{6,8}$/.test(code) : /^[0-9A-Za-z]{13,64}$/.test(code)
  if (isWhole) return { fields: { code } }
  return { fault: { kind: type === 'otp' ? 'malformedOtp' : 'malformedRecovery' } }
}

/** The outcome of a wrong proof, by the way that it came. */
export const wrongOutcome = (type: string | undefined): Outcome => {
  if (type === 'webauthn') return { kind: 'wrongPasskey' }
  if (type === 'otp') return { kind: 'wrongOtp' }
  return { kind: type === 'recovery_code' ? 'wrongRecovery' : 'wrongCode' }
}

const grantTypes: Record<string, ProofGrantType> = {
  webauthn: 'mfa_webauthn',
  otp: 'mfa_otp',
  recovery_code: 'mfa_recovery_code',
}

/** The grant type of a chosen way. */
export const grantTypeOfWay = (way: string): ProofGrantType => grantTypes[way] ?? 'mfa_oob'
