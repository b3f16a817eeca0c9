import type { PasskeyRequest } from '@rekey/contracts'
import type { Outcome } from './outcome.ts'

/** The second proof on a page. Times are in milliseconds since 1970. */
export interface ProofState {
  step: 'proof'
  /** Names the second challenge. */
  token: string
  /** The ways that remain. */
  challengeTypes: string[]
  /** True if a restore may wait instead. */
  mayWait?: boolean | undefined
  /** The way that was chosen; undefined: the page offers them. */
  chosen?: string | undefined
  /** Of a code that was sent. */
  verificationCode?: string | undefined
  /** Present if a passkey was chosen. */
  publicKey?: PasskeyRequest | undefined
  /** When the code that was sent, or the whole proof, ends. */
  expiresAt: number
  /** When a new code may be asked for. */
  resendAt?: number | undefined
  outcome?: Outcome | undefined
}

/** A restore that waits instead of a second proof. */
export interface WaitState {
  step: 'waiting'
  /** ms since 1970. */
  until: number
  /** The customer's, an IANA name. */
  timezone: string
  /** The second proof, which can still be given. */
  proof: ProofState
}

/** What a step of the second proof led to. */
export type ProofStep =
  | { result: 'repeat'; state: ProofState }
  /** `token`: the success token with both proofs. */
  | { result: 'proven'; token: string; expiresAt: number }
  | { result: 'ended'; why: 'tooManyWrong' | 'late' }
