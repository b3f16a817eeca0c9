import { type ErrorCode, RekeyError, readCode, readUsername, Username } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import type { Requester } from '../limits/limits.service.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import type { SetNewPassword } from './new-password.ts'

interface Deps {
  twoFactor: Pick<TwoFactor, 'openRestoreCode' | 'resendRestoreCode' | 'answer'>
  /** The client of restores on this page. */
  clientId: string
  /** Spends the same quotas as a forwarded request. @throws RekeyError too_many_requests, unavailable */
  spendPassword(requester: Requester): Promise<unknown>
  setNewPassword: SetNewPassword
}

/** A code was sent, if the account exists. */
interface CodeStep {
  /** The challenge's `mfa_token`. */
  token: string
  username: string
  /** Displayed on the page and in the message, so that the customer can compare them. */
  verificationCode: string
}

/** The code was verified. */
interface PasswordStep {
  /** The success token, which sets one new password. */
  token: string
  username: string
}

/** An error in a step that can be repeated. */
interface Problem {
  problem?: string
}

/** The next page. */
export type Step =
  | ({ name: 'start'; username: string } & Problem)
  | ({ name: 'code'; note?: string } & CodeStep & Problem)
  | { name: 'password'; token: string; username: string; problems?: string[] }
  | { name: 'done' }
  | { name: 'ended'; why: string }

/** The next page, and the error if the step failed. */
export interface StepResult {
  step: Step
  error?: RekeyError
}

const isUsername = compileCheck(Username)
const isCode = (code: string) => /^\d{1,12}$/.test(code)

const inWords = (seconds: number): string => {
  const [count, unit] = seconds < 120 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

const whenToRetry = ({ retryAfterSeconds }: RekeyError): string =>
  retryAfterSeconds === undefined ? 'later' : `in ${inWords(retryAfterSeconds)}`

/** The text of an error after which the step can be repeated. */
const problemOf = (error: RekeyError): string | undefined => {
  const problems: Partial<Record<ErrorCode, string>> = {
    too_many_requests: `That was asked for too often. Try again ${whenToRetry(error)}.`,
    unavailable: 'We cannot do this at the moment. Try again in a few seconds.',
    invalid_grant: 'That code is not right, or no longer valid. Use the newest message, or ask for a new code.',
  }
  return problems[error.code]
}

/** The text of an error that ends the restore. */
const endings = {
  access_denied: 'Too many codes were wrong. For your safety this restore is over, and the password is as it was.',
  invalid_grant: 'This restore is over: it took longer than a code lives, or it was finished already.',
  success_token_refused:
    'This restore is over: it took too long, or it was finished already. If you have set the new password, sign in with it.',
} satisfies Partial<Record<ErrorCode, string>>

const endsRestore = (code: ErrorCode): code is keyof typeof endings => Object.hasOwn(endings, code)

/** Rethrows any other error: it gets the error page, and a line in the log. */
const toRekeyError = (error: unknown): RekeyError => {
  if (error instanceof RekeyError) return error
  throw error
}

const invalidInput = (problem: string): RekeyError => new RekeyError('invalid_request', { detail: problem })

/**
 * The restore for customers whose bank has no page of its own: the steps of B5b, B6 and B2 in order. The forms carry all
 * state, in tokens that the gateway signed; without the token of one step the next is refused.
 */
export const createHostedRestore = ({ twoFactor, clientId, spendPassword, setNewPassword }: Deps) => {
  /** Repeats the step with the problem, or ends the restore if it cannot continue. */
  const repeatOrEnd = (error: RekeyError, step: (problem: string) => Step): StepResult => {
    const problem = error.code === 'invalid_request' ? error.message : problemOf(error)
    if (problem !== undefined) return { step: step(problem), error }
    const { code } = error
    if (!endsRestore(code)) throw error
    return { step: { name: 'ended', why: endings[code] }, error }
  }

  return {
    /** Sends a code to the address. The page is the same for known and unknown ones (S11). */
    async begin(input: string, caller: Caller): Promise<StepResult> {
      const username = readUsername(input)
      const start = (problem: string): Step => ({ name: 'start', username: input, problem })
      if (!isUsername(username)) {
        const error = invalidInput('Enter an e-mail address, or a phone number with + and the country code.')
        return { step: start(error.message), error }
      }
      try {
        const { token, verificationCode } = await twoFactor.openRestoreCode(username, clientId, caller)
        return { step: { name: 'code', token, username, verificationCode } }
      } catch (thrown) {
        const error = toRekeyError(thrown)
        const problem = problemOf(error)
        if (problem === undefined) throw error
        return { step: start(problem), error }
      }
    },

    /** Sends a new code, which replaces the old one. */
    async resend(code: CodeStep, caller: Caller): Promise<StepResult> {
      try {
        const { token, verificationCode } = await twoFactor.resendRestoreCode(code.token, code.username, caller)
        const note = 'A new code is on its way. The one before no longer works.'
        return { step: { name: 'code', token, username: code.username, verificationCode, note } }
      } catch (thrown) {
        const error = toRekeyError(thrown)
        // This step has no input that could be wrong, so the challenge has ended.
        if (error.code === 'invalid_grant') return { step: { name: 'ended', why: endings.invalid_grant }, error }
        if (error.code === 'too_many_requests') {
          return { step: { name: 'code', ...code, note: `A new code can be sent ${whenToRetry(error)}.` }, error }
        }
        return repeatOrEnd(error, (note) => ({ name: 'code', ...code, note }))
      }
    },

    /** Submits the confirmation code. The right one leads to the new password. */
    async answer(step: CodeStep, input: string, caller: Caller): Promise<StepResult> {
      const code = readCode(input)
      const retry = (problem: string): Step => ({ name: 'code', ...step, problem })
      if (!isCode(code))
        return repeatOrEnd(invalidInput('Enter the confirmation code from the message: digits alone.'), retry)
      try {
        const { successToken } = await twoFactor.answer({ token: step.token, code }, caller)
        return { step: { name: 'password', token: successToken, username: step.username } }
      } catch (thrown) {
        const error = toRekeyError(thrown)
        if (error instanceof ChallengeEnded) return { step: { name: 'ended', why: endings.access_denied }, error }
        return repeatOrEnd(error, retry)
      }
    },

    /** Sets the new password. A refused password does not spend the token. */
    async finish(step: PasswordStep, password: string, repeated: string, caller: Caller): Promise<StepResult> {
      const retry = (...problems: string[]): Step => ({ name: 'password', ...step, problems })
      if (password !== repeated) {
        const error = invalidInput('The two passwords are not the same. Enter the new one twice.')
        return { step: retry(error.message), error }
      }
      try {
        await spendPassword({ address: caller.address })
        await setNewPassword(step.token, password, caller.address)
        return { step: { name: 'done' } }
      } catch (thrown) {
        const error = toRekeyError(thrown)
        const reasons = error.fields?.map(({ message }) => `The password ${message}.`)
        if (reasons) return { step: retry(...reasons), error }
        return repeatOrEnd(error, retry)
      }
    },
  }
}

export type HostedRestore = ReturnType<typeof createHostedRestore>
