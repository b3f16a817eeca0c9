import { RekeyError, readCode, type SecondProofRequest } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { AuthorizeService } from '../authorize/authorize.service.ts'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import type { Requester } from '../limits/spending.ts'
import type { RestoreCode } from '../two-factor/two-factor.service.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import {
  type CodeState,
  endingOf,
  type PasswordState,
  type RestoreProofState,
  type RestoreState,
  type ReturnTo,
} from './hosted-restore.state.ts'
import type { SetNewPassword } from './new-password.ts'
import { faultOfCode, outcomeOf, toRekeyError } from './outcomes.ts'
import type { ProofStep } from './proof.state.ts'
import type { ProofSteps } from './proof-steps.ts'
import type { strengthOf } from './strength.ts'

interface Deps {
  twoFactor: Pick<TwoFactor, 'openRestoreCode' | 'resendRestoreCode' | 'answer'>
  /** The same for an authorization request (A7). */
  authorize: Pick<AuthorizeService, 'sendCode' | 'resendCode' | 'answer'>
  /** Spends the same quotas as a forwarded request. @throws RekeyError too_many_requests, unavailable */
  spendPassword(requester: Requester): Promise<unknown>
  setNewPassword: SetNewPassword
  strengthOf: typeof strengthOf
  proofs: ProofSteps
  /** Wait between two codes of one challenge, in milliseconds. */
  cooldownMs: number
  now: Now
  log: Logger
}

/** Strength of a password that was tested, 0 to 4. */
interface Tested {
  strength?: number
}

/** What a restore begins with. */
export interface Begin {
  username: string
  clientId: string
  returnTo: ReturnTo | undefined
}

/**
 * The restore for customers whose bank has no page of its own: the steps of B5b, B6 and B2 in order. Each takes the state
 * that the step before led to; a step of another state changes nothing.
 */
export const createHostedRestore = (deps: Deps) => {
  const { twoFactor, authorize, spendPassword, setNewPassword, proofs, cooldownMs, now, log } = deps

  const codeState = (begun: Begin, { token, verificationCode, expiresAt }: RestoreCode): CodeState => ({
    ...begun,
    step: 'code',
    token,
    verificationCode,
    expiresAt: expiresAt.getTime(),
    resendAt: now().getTime() + cooldownMs,
  })

  /** Repeats the step and says what was wrong, or ends the restore if it cannot continue. */
  const repeatOrEnd = <S extends CodeState | PasswordState>(state: S, thrown: unknown): RestoreState => {
    const error = toRekeyError(thrown, log)
    const outcome = outcomeOf(error, now())
    if (outcome) return { ...state, outcome }
    const why = endingOf[error.code]
    if (!why) throw error
    const { clientId, username, returnTo } = state
    return { step: 'ended', why, clientId, username, returnTo }
  }

  const openCode = ({ username, clientId, returnTo }: Begin, caller: Caller): Promise<RestoreCode> =>
    returnTo?.codeChallenge === undefined
      ? twoFactor.openRestoreCode(username, clientId, caller)
      : authorize.sendCode(username, clientId, { ...returnTo, codeChallenge: returnTo.codeChallenge }, caller)

  const resendCode = ({ token, username, returnTo }: CodeState, caller: Caller): Promise<RestoreCode> =>
    returnTo?.codeChallenge === undefined
      ? twoFactor.resendRestoreCode(token, username, caller)
      : authorize.resendCode(token, username, returnTo.state, caller)

  /** The step that the right code leads to. */
  const proven = async (state: CodeState, code: string, caller: Caller): Promise<RestoreState> => {
    const { token, clientId, username, returnTo } = state
    const common = { clientId, username, returnTo }
    if (returnTo?.codeChallenge !== undefined) {
      return { step: 'returned', ...common, ...(await authorize.answer(token, code, caller)) }
    }
    const { successToken, expiresAt } = await twoFactor.answer({ token, code }, caller)
    return { step: 'password', ...common, token: successToken, expiresAt: Date.parse(expiresAt) }
  }

  /** The challenge may be gone although its code has not expired, for example after Redis lost it. */
  const resendOrReopen = async (state: CodeState, caller: Caller, reopen: () => Promise<RestoreCode>) => {
    try {
      return await resendCode(state, caller)
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'invalid_grant') return reopen()
      throw error
    }
  }

  /** Where the refusal of a grant with one proof leads. */
  const requireProof = async (state: PasswordState, required: SecondProofRequest): Promise<RestoreState> => {
    const { clientId, username, returnTo } = state
    const proof = await proofs.begin(required)
    return { clientId, username, returnTo, ...(proof ?? { step: 'ended', why: 'noProof' }) }
  }

  const afterProof = ({ clientId, username, returnTo }: RestoreProofState, step: ProofStep): RestoreState => {
    const common = { clientId, username, returnTo }
    if (step.result === 'repeat') return { ...common, ...step.state }
    if (step.result === 'ended') return { ...common, step: 'ended', why: step.why }
    return { ...common, step: 'password', token: step.token, expiresAt: step.expiresAt, isProven: true }
  }

  return {
    /** Chooses how to give the second proof, or asks for a new code. */
    async chooseProof(state: RestoreState, way: string, caller: Caller): Promise<RestoreState> {
      return state.step === 'proof' ? afterProof(state, await proofs.choose(state, way, caller)) : state
    },

    /** Offers the ways of the second proof again. */
    async chooseProofAgain(state: RestoreState): Promise<RestoreState> {
      return state.step === 'proof' ? afterProof(state, { result: 'repeat', state: proofs.chooseAgain(state) }) : state
    },

    /** Submits the code of the second proof. The right one leads back to the new password. */
    async answerProof(state: RestoreState, input: string, caller: Caller): Promise<RestoreState> {
      return state.step === 'proof' ? afterProof(state, await proofs.answer(state, input, caller)) : state
    },

    /** Sends a code to the address. The page is the same for known and unknown ones (S11). @throws RekeyError */
    async begin(begun: Begin, caller: Caller): Promise<RestoreState> {
      return codeState(begun, await openCode(begun, caller))
    },

    /** Sends a new code, which replaces the old one; after the end of a challenge in a new one. */
    async resend(state: RestoreState, caller: Caller): Promise<RestoreState> {
      if (state.step !== 'code') return state
      const { clientId, username, returnTo } = state
      const begun = { clientId, username, returnTo }
      const reopen = () => openCode(begun, caller)
      try {
        const isExpired = now().getTime() >= state.expiresAt
        const code = isExpired ? await reopen() : await resendOrReopen(state, caller, reopen)
        return { ...codeState(begun, code), outcome: { kind: 'resent' } }
      } catch (thrown) {
        const next = repeatOrEnd(state, thrown)
        const { outcome } = next
        return next.step === 'code' && outcome?.kind === 'wait' ? { ...next, resendAt: outcome.until } : next
      }
    },

    /** Submits the confirmation code. The right one leads to the new password. */
    async answer(state: RestoreState, input: string, caller: Caller): Promise<RestoreState> {
      // An expired code is not compared: the page offers a new one.
      if (state.step !== 'code' || now().getTime() >= state.expiresAt) return state
      const code = readCode(input)
      const fault = faultOfCode(code, state.verificationCode)
      if (fault) return { ...state, outcome: fault }
      const { clientId, username, returnTo } = state
      try {
        return await proven(state, code, caller)
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error instanceof ChallengeEnded) return { step: 'ended', why: 'tooManyWrong', clientId, username, returnTo }
        if (error.code === 'invalid_grant') return { ...state, outcome: { kind: 'wrongCode' } }
        return repeatOrEnd(state, error)
      }
    },

    /** Tells how strong a password is, and changes nothing. The password is not kept. @throws RekeyError too_many_requests, unavailable */
    async testStrength(state: RestoreState, password: string, caller: Caller): Promise<RestoreState & Tested> {
      if (state.step !== 'password') return state
      const { outcome: _, ...rest } = state
      if (password === '') return { ...rest, outcome: { kind: 'emptyPassword' } }
      await spendPassword({ address: caller.address })
      return { ...rest, strength: await deps.strengthOf(password, state.username) }
    },

    /** Sets the new password. A refused password does not spend the token. */
    async finish(state: RestoreState, password: string, caller: Caller): Promise<RestoreState> {
      if (state.step === 'done') return { ...state, outcome: { kind: 'otherPassword' } }
      if (state.step !== 'password') return state
      const { clientId, username, returnTo } = state
      const { strength: _, ...without } = state
      if (password === '') return { ...without, outcome: { kind: 'emptyPassword' } }
      try {
        await spendPassword({ address: caller.address })
      } catch (thrown) {
        return repeatOrEnd(without, thrown)
      }
      try {
        await setNewPassword(state.token, password, caller.address)
        return { step: 'done', clientId, username, returnTo }
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error.secondProof) return requireProof(without, error.secondProof)
        if (error.code === 'unavailable') return { ...without, isUnknown: true, outcome: { kind: 'unknownResult' } }
        if (error.code === 'success_token_refused' && state.isUnknown) {
          return { step: 'ended', why: 'unknown', clientId, username, returnTo }
        }
        if (error.code === 'password_refused' && error.fields) {
          return { ...without, outcome: { kind: 'refused', reasons: error.fields.map(({ code }) => code) } }
        }
        return repeatOrEnd(without, error)
      }
    },

    /** The state as it is now: time may have ended it. */
    current(state: RestoreState): RestoreState {
      if ((state.step !== 'password' && state.step !== 'proof') || now().getTime() < state.expiresAt) return state
      const { clientId, username, returnTo } = state
      const isUnknown = state.step === 'password' && state.isUnknown
      return { step: 'ended', why: isUnknown ? 'unknown' : 'late', clientId, username, returnTo }
    },
  }
}

export type HostedRestore = ReturnType<typeof createHostedRestore>
