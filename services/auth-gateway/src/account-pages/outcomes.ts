import { type ErrorCode, RekeyError } from '@rekey/contracts'
import { noteError } from '@rekey/platform/errors'
import type { Logger } from '@rekey/platform/logger'
import type { AccountOutcome, CodeSent } from './password-change.state.ts'

/** Logs an error of ours. Rethrows one that is not of the table: it gets the error page. */
export const toRekeyError = (error: unknown, log: Logger): RekeyError => {
  if (!(error instanceof RekeyError)) throw error
  noteError(error, { log })
  return error
}

/** The outcome of an error after which the step can be repeated; undefined: it cannot. */
export const outcomeOf = ({ code, retryAfterSeconds = 60 }: RekeyError, now: Date): AccountOutcome | undefined => {
  const outcomes: Partial<Record<ErrorCode, AccountOutcome>> = {
    too_many_requests: { kind: 'wait', until: now.getTime() + retryAfterSeconds * 1_000 },
    unavailable: { kind: 'unavailable' },
    payload_too_large: { kind: 'refused', reasons: ['too_long'] },
  }
  return outcomes[code]
}

/** The step that sent a code, after a new one could not be sent. */
export const notResent = <S extends Pick<CodeSent, 'resendAt'>>(state: S, outcome: AccountOutcome) => ({
  ...state,
  outcome,
  ...(outcome.kind === 'wait' && { resendAt: outcome.until }),
})

const codePattern = /^\d{1,12}$/

/** What is wrong with a code before it is compared; undefined: nothing. */
export const faultOfCode = (code: string, verificationCode: string): AccountOutcome | undefined => {
  if (code === verificationCode) return { kind: 'verificationCode' }
  return codePattern.test(code) ? undefined : { kind: 'malformedCode' }
}
