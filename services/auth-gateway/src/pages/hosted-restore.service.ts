import { type ErrorCode, RekeyError, Username } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import { type Caller, ChallengeEnded } from '../challenges/challenges.service.ts'
import type { TwoFactor } from '../two-factor/two-factor.service.ts'
import type { Asker } from '../limits/limits.service.ts'
import type { SetNewPassword } from './new-password.ts'

interface Deps {
  twoFactor: Pick<TwoFactor, 'openRestoreCode' | 'resendRestoreCode' | 'answer'>
  /** The client that a restore on this page counts as. */
  clientId: string
  /** Counts a new password, as the one that is forwarded counts. @throws RekeyError too_many_requests, unavailable */
  spendPassword(asker: Asker): Promise<unknown>
  setNewPassword: SetNewPassword
}

/** A code is on its way, or would be if the account existed. */
interface CodeStep {
  /** The challenge's `mfa_token`. */
  token: string
  username: string
  /** Shown here and in the message: a person sees that they belong together. */
  verificationCode: string
}

/** The code was right. */
interface PasswordStep {
  /** The success token: one new password. */
  token: string
  username: string
}

/** What went wrong in a step that can be done again. */
interface Problem {
  problem?: string
}

/** What a person sees next. */
export type Step =
  | ({ name: 'start'; username: string } & Problem)
  | ({ name: 'code'; note?: string } & CodeStep & Problem)
  | { name: 'password'; token: string; username: string; problems?: string[] }
  | { name: 'done' }
  | { name: 'over'; why: string }

/** A step, and the error that led there instead of on. */
export interface Outcome {
  step: Step
  error?: RekeyError
}

/** Spaces and the like make a phone number readable; 00 stands for + in much of the world. */
const readUsername = (typed: string): string => {
  const text = typed.trim()
  return text.includes('@') ? text : text.replaceAll(/[\s().\-/]/g, '').replace(/^00/, '+')
}

const isUsername = compileCheck(Username)
const isCode = (code: string) => /^\d{6,12}$/.test(code)

const inWords = (seconds: number): string => {
  const [count, unit] = seconds < 120 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

const laterOf = ({ retryAfterSeconds }: RekeyError): string =>
  retryAfterSeconds === undefined ? 'later' : `in ${inWords(retryAfterSeconds)}`

/** What can be mended or waited for in the step that was being done. */
const problemOf = (error: RekeyError): string | undefined => {
  const problems: Partial<Record<ErrorCode, string>> = {
    too_many_requests: `That was asked for too often. Try again ${laterOf(error)}.`,
    unavailable: 'We cannot do this at the moment. Try again in a few seconds.',
    invalid_grant: 'That code is not right, or no longer valid. Use the newest message, or ask for a new code.',
  }
  return problems[error.code]
}

/** What a restore cannot go on after. */
const over = {
  access_denied: 'Too many codes were wrong. For your safety this restore is over, and the password is as it was.',
  invalid_grant: 'This restore is over: it took longer than a code lives, or it was finished already.',
  success_token_refused:
    'This restore is over: it took too long, or it was finished already. If you have set the new password, sign in with it.',
} satisfies Partial<Record<ErrorCode, string>>

const endsIt = (code: ErrorCode): code is keyof typeof over => Object.hasOwn(over, code)

/** Errors that a step does not know are pages of their own (and 5xx lines in the log). */
const known = (error: unknown): RekeyError => {
  if (error instanceof RekeyError) return error
  throw error
}

const mistake = (problem: string): RekeyError => new RekeyError('invalid_request', { detail: problem })

/**
 * The restore for customers whose bank has no page of its own: the steps of B5b, B6 and B2 in order. All state travels
 * in the forms, in tokens that the gateway signed; a step that is skipped has no token.
 */
export const createHostedRestore = ({ twoFactor, clientId, spendPassword, setNewPassword }: Deps) => {
  /** The same step again, with what was wrong; where that is past mending, the end of the restore. */
  const again = (error: RekeyError, step: (problem: string) => Step): Outcome => {
    const problem = error.code === 'invalid_request' ? error.message : problemOf(error)
    if (problem !== undefined) return { step: step(problem), error }
    const { code } = error
    if (!endsIt(code)) throw error
    return { step: { name: 'over', why: over[code] }, error }
  }

  return {
    /** Sends a code to whoever has this address. Known and unknown look alike (S11). */
    async begin(typed: string, caller: Caller): Promise<Outcome> {
      const username = readUsername(typed)
      const start = (problem: string): Step => ({ name: 'start', username: typed, problem })
      if (!isUsername(username)) {
        const error = mistake('Enter an e-mail address, or a phone number with + and the country code.')
        return { step: start(error.message), error }
      }
      try {
        const { token, verificationCode } = await twoFactor.openRestoreCode(username, clientId, caller)
        return { step: { name: 'code', token, username, verificationCode } }
      } catch (thrown) {
        const error = known(thrown)
        const problem = problemOf(error)
        if (problem === undefined) throw error
        return { step: start(problem), error }
      }
    },

    /** Sends a new code in the place of the old. */
    async resend(code: CodeStep, caller: Caller): Promise<Outcome> {
      try {
        const { token, verificationCode } = await twoFactor.resendRestoreCode(code.token, code.username, caller)
        const note = 'A new code is on its way. The one before no longer works.'
        return { step: { name: 'code', token, username: code.username, verificationCode, note } }
      } catch (thrown) {
        const error = known(thrown)
        // Nothing is asked for here that could be wrong: a challenge that is not found is over.
        if (error.code === 'invalid_grant') return { step: { name: 'over', why: over.invalid_grant }, error }
        if (error.code === 'too_many_requests') {
          return { step: { name: 'code', ...code, note: `A new code can be sent ${laterOf(error)}.` }, error }
        }
        return again(error, (note) => ({ name: 'code', ...code, note }))
      }
    },

    /** Takes the confirmation code; right, it leads to the new password. */
    async answer(step: CodeStep, typed: string, caller: Caller): Promise<Outcome> {
      const code = typed.replaceAll(/[\s-]/g, '')
      const retry = (problem: string): Step => ({ name: 'code', ...step, problem })
      if (!isCode(code)) return again(mistake('Enter the confirmation code from the message: digits alone.'), retry)
      try {
        const { successToken } = await twoFactor.answer({ token: step.token, code }, caller)
        return { step: { name: 'password', token: successToken, username: step.username } }
      } catch (thrown) {
        const error = known(thrown)
        if (error instanceof ChallengeEnded) return { step: { name: 'over', why: over.access_denied }, error }
        return again(error, retry)
      }
    },

    /** Sets the new password. One that is refused costs nothing: the token is not spent. */
    async finish(step: PasswordStep, password: string, repeated: string, caller: Caller): Promise<Outcome> {
      const retry = (...problems: string[]): Step => ({ name: 'password', ...step, problems })
      if (password !== repeated) {
        const error = mistake('The two passwords are not the same. Enter the new one twice.')
        return { step: retry(error.message), error }
      }
      try {
        await spendPassword({ address: caller.address })
        await setNewPassword(step.token, password, caller.address)
        return { step: { name: 'done' } }
      } catch (thrown) {
        const error = known(thrown)
        const reasons = error.fields?.map(({ message }) => `The password ${message}.`)
        if (reasons) return { step: retry(...reasons), error }
        return again(error, retry)
      }
    },
  }
}

export type HostedRestore = ReturnType<typeof createHostedRestore>
