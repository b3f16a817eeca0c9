import { type EnrolledMethod, enrolledChallengeTypes, lockoutAttempts, type PasskeyAssertion } from '@rekey/contracts'
import type { ScriptCall } from '@rekey/platform/redis'
import { otherSpelling } from '../clients/redirect-uri.ts'
import { type LockoutPolicy, maxFailedAttemptsPerChallenge } from '../limits/lockout.ts'
import { type ChallengeReference, type Flow, isSecondProof, keysOf } from './challenge.ts'

/** Values that must equal those of the challenge; an empty text is not compared. */
export interface AnswerBinding {
  flows: Flow[]
  clientId: string
  state: string
  scope: string
  /** Only if the answer is an authorization code. */
  authorizationCode?: {
    /** S256 challenge of this request; '' for none. */
    codeChallenge: string
    /** True if the code cannot be redeemed without a challenge. */
    pkceRequired: boolean
    /** Redirect URI of this request; '' for none. */
    redirectUri: string
  }
}

/** A proof that the password-service verifies. */
export type EnrolledProof =
  | { method: 'totp' | 'recovery_code'; code: string }
  | { method: 'passkey'; credential: PasskeyAssertion }

/** A submitted proof: the code of a message, or one by an enrolled method. */
export type Submitted = string | number | EnrolledProof

export const enrolledMethodOf = (submitted: Submitted): EnrolledMethod | undefined =>
  typeof submitted === 'object' ? submitted.method : undefined

/** How long a spent second challenge is kept, in milliseconds: longer than its token, which would open it again. */
export const spentLifeMs = 1_800_000

/** `spent`: how long the challenge is kept once it is spent; '' if it is deleted. */
export const spentLifeOf = (flows: readonly Flow[]) => (flows.some(isSecondProof) ? spentLifeMs : '')

interface Comparing {
  submitted: Submitted
  /** The stored form of the code of a message, under each key. */
  codeMacs: readonly string[]
  binding: AnswerBinding
  lockout: LockoutPolicy
  at: Date
}

/** The call of answer.lua that compares a code, or counts an attempt whose code the password-service verifies. */
export const comparing = (
  name: ChallengeReference,
  { submitted, codeMacs, binding, lockout, at }: Comparing,
): ScriptCall => {
  const { codeChallenge = '', pkceRequired = false, redirectUri = '' } = binding.authorizationCode ?? {}
  const method = enrolledMethodOf(submitted)
  const args = [
    at.getTime(),
    codeMacs.join(),
    maxFailedAttemptsPerChallenge,
    binding.flows.join(),
    binding.clientId,
    binding.state,
    binding.scope,
    lockoutAttempts,
    lockout.firstLockoutMs,
    lockout.longestLockoutMs,
    lockout.memoryMs,
    lockout.permanentAfter ?? '',
    lockout.permanentMemoryMs ?? '',
    binding.authorizationCode ? 1 : 0,
    codeChallenge,
    pkceRequired ? 1 : 0,
    redirectUri,
    otherSpelling(redirectUri),
    method ? enrolledChallengeTypes[method] : '',
    spentLifeOf(binding.flows),
  ]
  return { keys: keysOf(name), args }
}
