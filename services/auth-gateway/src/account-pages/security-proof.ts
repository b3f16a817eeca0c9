import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import { notResent, outcomeOf, toRekeyError, wrongOutcome } from '../pages/outcomes.ts'
import { readProof } from '../pages/proof-input.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import type { Changer } from './password-change.service.ts'
import type { Proven, SecurityCode, SecurityState, Wanted } from './security.state.ts'

interface Deps {
  twoFactor: Pick<TwoFactor, 'openFactorsCode' | 'resendChangeCode' | 'answer'>
  cooldownMs: number
  now: Now
  log: Logger
}

/** The right code gives a proof, another one the next state. */
type Answered = { proven: Proven } | { state: SecurityState }

/** The fresh proof before each change of the own methods: B5 and B6 for changeFactors, as pages. */
export const createSecurityProof = ({ twoFactor, cooldownMs, now, log }: Deps) => {
  /** Asks for a proof by the first of the customer's methods. */
  const open = async (wanted: Wanted, { claims, caller }: Changer): Promise<SecurityState> => {
    try {
      const opened = await twoFactor.openFactorsCode(claims, caller)
      const { token, verificationCode, expiresAt, challengeTypes, publicKey } = opened
      const resendAt = now().getTime() + cooldownMs
      const [chosen] = challengeTypes
      const code = { step: 'code' as const, token, verificationCode, expiresAt: expiresAt.getTime(), resendAt }
      return { ...code, challengeTypes, publicKey, chosen, wanted }
    } catch (thrown) {
      const error = toRekeyError(thrown, log)
      const outcome = outcomeOf(error, now())
      if (!outcome) throw error
      return { step: 'start', outcome }
    }
  }

  const isLate = ({ expiresAt }: SecurityCode) => now().getTime() >= expiresAt

  return {
    open,

    /** Sends a new code by e-mail, which replaces the old one; after the end of the challenge in a new one. */
    async resend(state: SecurityCode, changer: Changer): Promise<SecurityState> {
      if (isLate(state)) return open(state.wanted, changer)
      try {
        const { token, verificationCode, expiresAt } = await twoFactor.resendChangeCode(state.token, changer.caller)
        const resendAt = now().getTime() + cooldownMs
        const sent = { token, verificationCode, expiresAt: expiresAt.getTime(), resendAt }
        return { ...state, ...sent, outcome: { kind: 'resent' } }
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        // The challenge may be gone although its code has not expired, for example after Redis lost it.
        if (error.code === 'invalid_grant') return open(state.wanted, changer)
        if (error.code === 'access_denied') return { step: 'ended', why: 'tooManyWrong' }
        const outcome = outcomeOf(error, now())
        if (!outcome) throw error
        return notResent(state, outcome)
      }
    },

    /** Chooses one of the ways; undefined offers them again. A code that was sent stays valid. */
    choose(state: SecurityCode, way: string | undefined): SecurityState {
      if (way !== undefined && !state.challengeTypes.includes(way)) return state
      return { ...state, chosen: way, outcome: undefined }
    },

    /** Submits a code, or an assertion as JSON, of the chosen way. */
    async answer(state: SecurityCode, input: string, caller: Caller): Promise<Answered> {
      const { chosen, token, verificationCode } = state
      if (chosen === undefined || isLate(state)) return { state }
      const read = readProof(chosen, input, verificationCode)
      if ('fault' in read) return { state: { ...state, outcome: read.fault } }
      try {
        const { successToken, expiresAt } = await twoFactor.answer({ token, ...read.fields }, caller)
        return { proven: { token: successToken, expiresAt: Date.parse(expiresAt), isSpent: false } }
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error instanceof ChallengeEnded || error.code === 'access_denied') {
          return { state: { step: 'ended', why: 'tooManyWrong' } }
        }
        const outcome = error.code === 'invalid_grant' ? wrongOutcome(chosen) : outcomeOf(error, now())
        if (!outcome) throw error
        return { state: { ...state, outcome } }
      }
    },
  }
}

export type SecurityProof = ReturnType<typeof createSecurityProof>
