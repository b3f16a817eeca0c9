import type { ErrorCode } from '@rekey/contracts'
import type { Outcome } from './outcome.ts'
import type { ProofState, WaitState } from './proof.state.ts'

export const endings = ['tooManyWrong', 'late', 'spent', 'unknown', 'noProof', 'noWait'] as const

/** Where the customer goes on after the restore. */
export interface ReturnTo {
  redirectUri: string
  state: string | undefined
  /** Of an authorization request (A7): the restore ends with an authorization code, and sets no password. */
  codeChallenge?: string | undefined
}

interface Common {
  /** Client of the challenge. */
  clientId: string
  username: string
  returnTo: ReturnTo | undefined
  outcome?: Outcome | undefined
}

/** A code was sent, if the account exists. */
export interface CodeState extends Common {
  step: 'code'
  /** The challenge's `mfa_token`. */
  token: string
  /** Displayed on the page and in the message, so that the customer can compare them. */
  verificationCode: string
  expiresAt: number
  /** When a new code may be asked for. */
  resendAt: number
}

/** The code was verified. */
export interface PasswordState extends Common {
  step: 'password'
  /** The success token, which sets one new password. */
  token: string
  expiresAt: number
  /** Strength of the password that was submitted to be tested, 0 to 4. */
  strength?: number
  /** True after a press whose answer did not come: its password may be set. */
  isUnknown?: boolean
  /** True after a second proof: the customer has entered the password before. */
  isProven?: boolean
}

/** A second proof is required before the password is set. */
export interface RestoreProofState extends Common, Omit<ProofState, 'outcome'> {}

/** The restore waits, because the customer cannot give the second proof. */
export interface WaitingState extends Common, WaitState {}

export interface DoneState extends Common {
  step: 'done'
}

/** The proof of an authorization request was given (A7). */
export interface ReturnedState extends Common {
  step: 'returned'
  /** The client's address, with an authorization code. */
  location: string
  /** When the code ends. */
  expiresAt: number
}

export interface EndedState extends Common {
  step: 'ended'
  why: (typeof endings)[number]
}

/** The state of one hosted restore. Without its secrets it cannot continue: it is kept encrypted. */
export type RestoreState =
  | CodeState
  | PasswordState
  | RestoreProofState
  | WaitingState
  | DoneState
  | ReturnedState
  | EndedState

/** Error codes after which the restore cannot continue. */
export const endingOf: Partial<Record<ErrorCode, EndedState['why']>> = {
  access_denied: 'tooManyWrong',
  success_token_refused: 'spent',
}
