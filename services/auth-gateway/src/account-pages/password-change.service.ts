import { type RekeyError, readCode } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import type { Requester } from '../limits/spending.ts'
import { faultOfCode, notResent, outcomeOf, toRekeyError } from '../pages/outcomes.ts'
import type { ProofStep } from '../pages/proof.state.ts'
import type { ProofSteps } from '../pages/proof-steps.ts'
import type { strengthOf } from '../pages/strength.ts'
import type { RestoreCode } from '../two-factor/two-factor.service.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import type { AccountState } from './account-session.ts'
import type { AccountOutcome, ChangeState, CodeSent } from './password-change.state.ts'
import type { PasswordServiceClient } from './password-service.ts'

interface Deps {
  twoFactor: Pick<TwoFactor, 'openChangeCode' | 'resendChangeCode' | 'answer'>
  passwords: Pick<PasswordServiceClient, 'changePassword'>
  /** Spends the same quotas as a forwarded request. @throws RekeyError too_many_requests, unavailable */
  spendPassword(requester: Requester): Promise<unknown>
  /** Ends the session of a customer who had to change the password. @throws RekeyError unavailable */
  endSession(claims: TokenClaims): Promise<void>
  accountOfCustomer(customer: string): string
  strengthOf: typeof strengthOf
  proofs: ProofSteps
  cooldownMs: number
  now: Now
  log: Logger
}

/** Who changes the password, and where the request came from. */
export interface Changer {
  claims: TokenClaims
  caller: Caller
}

/**
 * B5, B6 and B1 as pages. A step of another state changes nothing.
 *
 * Every method throws RekeyError invalid_token if the session has ended.
 */
export const createPasswordChange = (deps: Deps) => {
  const { twoFactor, passwords, spendPassword, endSession, accountOfCustomer, proofs, cooldownMs, now, log } = deps

  const sent = ({ token, verificationCode, expiresAt }: RestoreCode): CodeSent => ({
    step: 'code',
    token,
    verificationCode,
    expiresAt: expiresAt.getTime(),
    resendAt: now().getTime() + cooldownMs,
  })

  const isOpen = (change: ChangeState | undefined): boolean =>
    (change?.step === 'code' || change?.step === 'new' || change?.step === 'proof') &&
    now().getTime() < change.expiresAt

  const open = async ({ claims, caller }: Changer): Promise<ChangeState> => {
    try {
      return sent(await twoFactor.openChangeCode(claims, caller))
    } catch (thrown) {
      const error = toRekeyError(thrown, log)
      const outcome = outcomeOf(error, now())
      if (!outcome) throw error
      return { step: 'start', outcome }
    }
  }

  const next = async (state: AccountState, change: Promise<ChangeState>): Promise<AccountState> => ({
    ...state,
    change: await change,
  })

  const resendCode = async (change: CodeSent, changer: Changer): Promise<ChangeState> => {
    if (now().getTime() >= change.expiresAt) return open(changer)
    try {
      return { ...sent(await twoFactor.resendChangeCode(change.token, changer.caller)), outcome: { kind: 'resent' } }
    } catch (thrown) {
      const error = toRekeyError(thrown, log)
      // The challenge may be gone although its code has not expired, for example after Redis lost it.
      if (error.code === 'invalid_grant') return open(changer)
      if (error.code === 'access_denied') return { step: 'ended', why: 'tooManyWrong' }
      const outcome = outcomeOf(error, now())
      if (!outcome) throw error
      return notResent(change, outcome)
    }
  }

  const compare = async (change: CodeSent, input: string, caller: Caller): Promise<ChangeState> => {
    const code = readCode(input)
    const fault = faultOfCode(code, change.verificationCode)
    if (fault) return { ...change, outcome: fault }
    try {
      const { successToken, expiresAt } = await twoFactor.answer({ token: change.token, code }, caller)
      return { step: 'new', token: successToken, expiresAt: Date.parse(expiresAt) }
    } catch (thrown) {
      const error = toRekeyError(thrown, log)
      if (error instanceof ChallengeEnded || error.code === 'access_denied')
        return { step: 'ended', why: 'tooManyWrong' }
      if (error.code === 'invalid_grant') return { ...change, outcome: { kind: 'wrongCode' } }
      const outcome = outcomeOf(error, now())
      if (!outcome) throw error
      return { ...change, outcome }
    }
  }

  /** Why a new password was not set, if the step can be repeated. */
  const outcomeOfRefusal = (error: RekeyError): AccountOutcome | undefined => {
    if (error.code === 'password_refused') {
      return { kind: 'refused', reasons: error.fields?.map(({ code }) => code) ?? [] }
    }
    return error.code === 'current_password_wrong' ? { kind: 'wrongCurrent' } : outcomeOf(error, now())
  }

  const afterProof = (state: AccountState, step: ProofStep): AccountState => {
    if (step.result === 'repeat') return { ...state, change: step.state }
    if (step.result === 'ended') return { ...state, change: { step: 'ended', why: step.why } }
    return { ...state, change: { step: 'new', token: step.token, expiresAt: step.expiresAt, isProven: true } }
  }

  return {
    /** Chooses how to give the second proof, or asks for a new code. */
    chooseProof: async (state: AccountState, way: string, { caller }: Changer): Promise<AccountState> =>
      state.change?.step === 'proof' ? afterProof(state, await proofs.choose(state.change, way, caller)) : state,

    /** Offers the ways of the second proof again. */
    chooseProofAgain: async (state: AccountState): Promise<AccountState> =>
      state.change?.step === 'proof' ? { ...state, change: proofs.chooseAgain(state.change) } : state,

    /** Submits the code of the second proof. The right one leads back to the new password. */
    answerProof: async (state: AccountState, input: string, { caller }: Changer): Promise<AccountState> =>
      state.change?.step === 'proof' ? afterProof(state, await proofs.answer(state.change, input, caller)) : state,

    /** True for a change that can go on. */
    isOpen,

    /** Sends a code, unless one is open: a page that is opened again goes on with it. */
    begin: (state: AccountState, changer: Changer): Promise<AccountState> =>
      isOpen(state.change) ? Promise.resolve(state) : next(state, open(changer)),

    /** Sends a new code, which replaces the old one. */
    resend: async (state: AccountState, changer: Changer): Promise<AccountState> =>
      state.change?.step === 'code' ? next(state, resendCode(state.change, changer)) : state,

    /** Submits the confirmation code. The right one leads to the new password. */
    answer: async (state: AccountState, input: string, { caller }: Changer): Promise<AccountState> =>
      state.change?.step === 'code' && isOpen(state.change) ? next(state, compare(state.change, input, caller)) : state,

    /** States how strong a password is. It is not kept. @throws RekeyError too_many_requests, unavailable */
    async testStrength(state: AccountState, password: string, { claims, caller }: Changer): Promise<AccountState> {
      const { change } = state
      if (change?.step !== 'new') return state
      const { outcome: _, ...rest } = change
      if (password === '') return { ...state, change: { ...rest, outcome: { kind: 'emptyPassword' } } }
      await spendPassword({ address: caller.address, account: accountOfCustomer(claims.sub) })
      return { ...state, change: { ...rest, strength: await deps.strengthOf(password, state.username) } }
    },

    /** Sets the new password. A refused one does not spend the token. */
    async finish(
      state: AccountState,
      { password, current }: { password: string; current: string },
      { claims, caller }: Changer,
    ): Promise<AccountState> {
      const { change, accessToken } = state
      if (change?.step !== 'new') return state
      const repeat = (outcome: AccountOutcome): AccountState => ({
        ...state,
        change: {
          step: 'new',
          token: change.token,
          expiresAt: change.expiresAt,
          isUnknown: change.isUnknown || outcome.kind === 'unknownResult',
          outcome,
        },
      })
      if (current === '') return repeat({ kind: 'emptyCurrent' })
      if (password === '') return repeat({ kind: 'emptyPassword' })
      try {
        await spendPassword({ address: caller.address, account: accountOfCustomer(claims.sub) })
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        const outcome = outcomeOfRefusal(error)
        if (!outcome) throw error
        return repeat(outcome)
      }
      try {
        const tokens = { accessToken, successToken: change.token }
        await passwords.changePassword(tokens, { password, currentPassword: current }, caller.address)
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error.secondProof) {
          const proof = await proofs.begin(error.secondProof)
          return { ...state, change: proof ?? { step: 'ended', why: 'noProof' } }
        }
        if (error.code === 'unavailable') return repeat({ kind: 'unknownResult' })
        // After the change the current password is another one.
        const mayBeSet = change.isUnknown && ['success_token_refused', 'current_password_wrong'].includes(error.code)
        if (mayBeSet) return { ...state, change: { step: 'ended', why: 'unknown' } }
        if (error.code === 'success_token_refused') return { ...state, change: { step: 'ended', why: 'spent' } }
        const outcome = outcomeOfRefusal(error)
        if (!outcome) throw error
        return repeat(outcome)
      }
      // Its token permits nothing more. The password is set: a session that could not be ended ends by itself.
      if (state.mustChange) await endSession(claims).catch(() => {})
      return { ...state, change: { step: 'done' } }
    },

    /** The change as it is now: time may have ended it. */
    current({ change }: AccountState): ChangeState | undefined {
      if ((change?.step !== 'new' && change?.step !== 'proof') || isOpen(change)) return change
      return { step: 'ended', why: change.step === 'new' && change.isUnknown ? 'unknown' : 'late' }
    },
  }
}

export type PasswordChange = ReturnType<typeof createPasswordChange>
