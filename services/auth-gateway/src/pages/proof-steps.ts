import { formatTime, RekeyError, type SecondProofRequest } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import type { SecondProofs } from '../second-proofs/second-proofs.ts'
import { isOwnWay } from '../second-proofs/second-proofs.ts'
import { grantTypeOf, submittedBy } from '../second-proofs/submitted-code.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Outcome } from './outcome.ts'
import { outcomeOf, toRekeyError, wrongOutcome } from './outcomes.ts'
import type { ProofState, ProofStep, WaitState } from './proof.state.ts'
import { readProof } from './proof-input.ts'

interface Deps {
  secondProofs: SecondProofs
  tokens: Tokens
  /** Wait between two codes of one challenge, in milliseconds. */
  cooldownMs: number
  now: Now
  log: Logger
}

/** The second proof of a restore or a change on the pages: A4b and B6 after the refusal of B2 or B1. */
export const createProofSteps = ({ secondProofs, tokens, cooldownMs, now, log }: Deps) => {
  /** Repeats the step and says what was wrong, or ends. @throws an error that is not of the table */
  const repeatOrEnd = (state: ProofState, thrown: unknown): ProofStep => {
    const error = toRekeyError(thrown, log)
    const { code } = error
    if (error instanceof ChallengeEnded || code === 'access_denied') return { result: 'ended', why: 'tooManyWrong' }
    const outcome = code === 'invalid_grant' ? wrongOutcome(state.chosen) : outcomeOf(error, now())
    if (!outcome) throw error
    return { result: 'repeat', state: { ...state, outcome } }
  }

  /** The proof that a token is of; undefined if it has expired. */
  const read = (token: string) => tokens.readSecondProof(token).catch(() => undefined)

  return {
    /** The first state after a refusal. @returns undefined if the customer has no second method */
    async begin({ mfaToken, challengeTypes }: SecondProofRequest): Promise<ProofState | undefined> {
      const second = mfaToken === undefined ? undefined : await read(mfaToken)
      if (!second || mfaToken === undefined) return undefined
      const { expiresAt, mayWait } = second
      return { step: 'proof', token: mfaToken, challengeTypes, mayWait, expiresAt }
    },

    /** Chooses a way, or asks for a new code by the same way. */
    async choose(state: ProofState, way: string, caller: Caller): Promise<ProofStep> {
      const second = await read(state.token)
      if (!second) return { result: 'ended', why: 'late' }
      const { token, challengeTypes, mayWait } = state
      if (!challengeTypes.includes(way)) return { result: 'repeat', state }
      const isResent = way === state.chosen && !isOwnWay(way)
      try {
        const chosen = await secondProofs.choose(second, way, caller)
        const { sent } = chosen
        const common = { step: 'proof' as const, token: chosen.token, challengeTypes, mayWait, chosen: way }
        if (!sent) {
          const { publicKey } = chosen
          return {
            result: 'repeat',
            state: { ...common, expiresAt: second.expiresAt, ...(publicKey && { publicKey }) },
          }
        }
        return {
          result: 'repeat',
          state: {
            ...common,
            verificationCode: sent.verificationCode,
            expiresAt: sent.expiresAt.getTime(),
            resendAt: now().getTime() + cooldownMs,
            ...(isResent && { outcome: { kind: 'resent' as const } }),
          },
        }
      } catch (error) {
        if (error instanceof RekeyError && error.code === 'invalid_grant') return { result: 'ended', why: 'late' }
        const next = repeatOrEnd(state, error)
        const { outcome } = next.result === 'repeat' ? next.state : {}
        if (next.result !== 'repeat' || outcome?.kind !== 'wait') return next
        return { result: 'repeat', state: { ...next.state, token, resendAt: outcome.until } }
      }
    },

    /** The customer cannot give the proof now: the restore waits. */
    async wait(state: ProofState, caller: Caller): Promise<WaitState | ProofStep | 'noWait'> {
      const second = await read(state.token)
      if (!second) return { result: 'ended', why: 'late' }
      try {
        const { waitsUntil, timezone } = await secondProofs.wait(second, state.token, caller)
        return { step: 'waiting', until: Date.parse(waitsUntil), timezone, proof: state }
      } catch (error) {
        if (error instanceof RekeyError && error.code === 'invalid_grant') return { result: 'ended', why: 'late' }
        if (error instanceof RekeyError && error.code === 'access_denied') return 'noWait'
        return repeatOrEnd(state, error)
      }
    },

    /** Offers the ways again. */
    chooseAgain: ({ token, challengeTypes, mayWait, expiresAt }: ProofState): ProofState => ({
      step: 'proof',
      token,
      challengeTypes,
      mayWait,
      expiresAt,
    }),

    /** Submits a code, or an assertion as JSON, of the chosen way. */
    async answer(state: ProofState, input: string, caller: Caller): Promise<ProofStep> {
      const { chosen, verificationCode = '' } = state
      const repeat = (outcome: Outcome): ProofStep => ({ result: 'repeat', state: { ...state, outcome } })
      if (chosen === undefined) return { result: 'repeat', state }
      const own = readProof(chosen, input, verificationCode)
      if ('fault' in own) return repeat(own.fault)
      const { fields } = own
      const second = await read(state.token)
      if (!second) return { result: 'ended', why: 'late' }
      try {
        const submitted = submittedBy(grantTypeOf({ ...second, chosen }, fields), fields)
        const issued = tokens.issueSuccessToken(await secondProofs.prove(second, submitted, '', caller))
        return { result: 'proven', token: issued.token, expiresAt: Date.parse(formatTime(issued.expiresAt)) }
      } catch (error) {
        return repeatOrEnd(state, error)
      }
    },

    /** True if the proof has ended, or its code. */
    isLate: ({ expiresAt }: ProofState): boolean => now().getTime() >= expiresAt,
  }
}

export type ProofSteps = ReturnType<typeof createProofSteps>
