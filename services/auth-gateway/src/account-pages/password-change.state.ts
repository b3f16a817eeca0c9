import type { Outcome } from '../pages/outcome.ts'
import type { ProofState } from '../pages/proof.state.ts'

/** Why a page of the account repeats its step. */
export type AccountOutcome =
  | Outcome
  | { kind: 'wrongPassword' | 'noPassword' | 'malformedUsername' | 'emptyCurrent' | 'wrongCurrent' }
  /** An authenticator app could not be added. */
  | { kind: 'malformedLabel' | 'tooManyApps' | 'enrolmentEnded' | 'wrongAppCode' }

/** A code was sent. */
export interface CodeSent {
  step: 'code'
  /** The challenge's `mfa_token`. */
  token: string
  verificationCode: string
  expiresAt: number
  /** When a new code may be asked for. */
  resendAt: number
  outcome?: AccountOutcome | undefined
}

/** The code was verified, or the sign-in itself permits the change. */
export interface NewPassword {
  step: 'new'
  /** The success token. */
  token: string
  expiresAt: number
  /** Strength of the password that was submitted to be tested, 0 to 4. */
  strength?: number | undefined
  /** True after a press whose answer did not come: its password may be set. */
  isUnknown?: boolean | undefined
  /** True after a second proof: the customer has entered the password before. */
  isProven?: boolean | undefined
  outcome?: AccountOutcome | undefined
}

/** A change of the password by the signed-in customer. Times are in milliseconds since 1970. */
export type ChangeState =
  | { step: 'start'; outcome: AccountOutcome }
  | CodeSent
  | NewPassword
  | ProofState
  | { step: 'done' }
  | { step: 'ended'; why: 'tooManyWrong' | 'late' | 'spent' | 'unknown' | 'noProof' }

/** Where a change goes on. */
export const addressOfChange = (change: ChangeState | undefined): string =>
  change === undefined || change.step === 'start' ? '/account/password' : `/account/password/${change.step}`
