import { type ErrorCode, RekeyError, readProofCode } from '@rekey/contracts'
import { noteError } from '@rekey/platform/errors'
import type { Logger } from '@rekey/platform/logger'
import type { Outcome } from './outcome.ts'

/** Logs an error of ours. Rethrows one that is not of the table: it gets the error page. */
export const toRekeyError = (error: unknown, log: Logger): RekeyError => {
  if (!(error instanceof RekeyError)) throw error
  noteError(error, { log })
  return error
}

/** The outcome of an error after which the step can be repeated; undefined: it cannot. */
export const outcomeOf = ({ code, retryAfterSeconds = 60 }: RekeyError, now: Date): Outcome | undefined => {
  const outcomes: Partial<Record<ErrorCode, Outcome>> = {
    too_many_requests: { kind: 'wait', until: now.getTime() + retryAfterSeconds * 1_000 },
    unavailable: { kind: 'unavailable' },
    payload_too_large: { kind: 'refused', reasons: ['too_long'] },
  }
  return outcomes[code]
}

/** The step that sent a code, after a new one could not be sent. */
export const notResent = <S extends { resendAt: number }, O extends { kind: string; until?: number }>(
  state: S,
  outcome: O,
) => ({
  ...state,
  outcome,
  resendAt: outcome.until ?? state.resendAt,
})

const codePattern = /^\d{1,12}$/

/** Finds a fault in the code of a message before it is compared. @returns undefined if there is none */
export const faultOfCode = (code: string, verificationCode: string): Outcome | undefined => {
  if (code === verificationCode) return { kind: 'verificationCode' }
  return codePattern.test(code) ? undefined : { kind: 'malformedCode' }
}

/** Finds a fault in a code of an authenticator app or a recovery code before it is verified. @returns undefined if there is none */
export const faultOfOwnCode = (type: string, input: string): Outcome | undefined => {
  const code = readProofCode(input)
  const isWhole = type === 'otp' ? /^\d{6,8}$/.test(code) : /^[0-9A-Za-z]{13,64}$/.test(code)
  if (isWhole) return undefined
  return { kind: type === 'otp' ? 'malformedOtp' : 'malformedRecovery' }
}

/** The outcome of a wrong proof, by the way that it came. */
export const wrongOutcome = (type: string | undefined): Outcome => {
  if (type === 'webauthn') return { kind: 'wrongPasskey' }
  if (type === 'otp') return { kind: 'wrongOtp' }
  return { kind: type === 'recovery_code' ? 'wrongRecovery' : 'wrongCode' }
}
