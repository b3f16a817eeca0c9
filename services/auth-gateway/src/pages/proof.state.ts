import type { PasskeyRequest } from '@rekey/contracts'
import type { Outcome } from './outcome.ts'

/** The second proof on a page. Times are in milliseconds since 1970. */
export interface ProofState {
  step: 'proof'
  /** Names the second challenge. */
  token: string
  /** The ways that remain. */
  challengeTypes: string[]
  /** The way that was chosen; undefined: the page offers them. */
  chosen?: string | undefined
  /** Of a code that was sent. */
  verificationCode?: string | undefined
  /** Of a passkey. */
  publicKey?: PasskeyRequest | undefined
  /** When the code that was sent, or the whole proof, ends. */
  expiresAt: number
  /** When a new code may be asked for. */
  resendAt?: number | undefined
  outcome?: Outcome | undefined
}

/** What a step of the second proof led to. */
export type ProofStep =
  | { result: 'repeat'; state: ProofState }
  /** `token`: the success token with both proofs. */
  | { result: 'proven'; token: string; expiresAt: number }
  | { result: 'ended'; why: 'tooManyWrong' | 'late' }
