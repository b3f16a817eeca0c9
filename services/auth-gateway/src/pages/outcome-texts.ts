import type { View } from '../layout/view.ts'
import type { Outcome } from './outcome.ts'

interface Facts {
  codeDigits: number
  minPasswordLength: number
  maxPasswordLength: number
}

/** Texts of the policy's reasons, by their code. */
const reasonKeys = {
  too_short: 'password.too_short',
  too_long: 'password.too_long',
  common: 'password.common',
  context_word: 'password.context_word',
  breached: 'password.breached',
  reused: 'password.reused',
} as const

/** Why the policy refuses a password. A reason that is newer than this gateway has a general text. */
export const refusalText = ({ t, brand }: View, facts: Facts, reasons: string[]): string =>
  reasons
    .map((reason) =>
      t(Object.hasOwn(reasonKeys, reason) ? reasonKeys[reason as keyof typeof reasonKeys] : 'password.other', {
        least: facts.minPasswordLength,
        most: facts.maxPasswordLength,
        brand,
      }),
    )
    .join(' ')

/** The words of a wait: seconds up to two minutes, then minutes. */
export const waitText = ({ t }: Pick<View, 't'>, seconds: number): string =>
  seconds < 120
    ? t('wait.seconds', { count: Math.max(1, seconds) })
    : t('wait.minutes', { count: Math.ceil(seconds / 60) })

/** What was wrong with the last press; undefined if nothing was, or if that has passed. */
export const problemOf = (view: View, facts: Facts, now: Date, outcome: Outcome | undefined): string | undefined => {
  const { t } = view
  switch (outcome?.kind) {
    case 'wrongCode':
      return t('code.wrong')
    case 'malformedCode':
      return t('code.malformed', { digits: facts.codeDigits })
    case 'wrongOtp':
      return t('otp.wrong')
    case 'malformedOtp':
      return t('otp.malformed')
    case 'wrongRecovery':
      return t('recovery.wrong')
    case 'malformedRecovery':
      return t('recovery.malformed')
    case 'wrongPasskey':
      return t('passkey.wrong')
    case 'noPasskey':
      return t('passkey.none')
    case 'verificationCode':
      return t('code.isVerification', { digits: facts.codeDigits })
    case 'emptyPassword':
      return t('password.empty')
    case 'refused':
      return refusalText(view, facts, outcome.reasons)
    case 'unavailable':
      return t('unavailable')
    case 'unknownResult':
      return t('password.unknown')
    case 'wait': {
      const seconds = Math.ceil((outcome.until - now.getTime()) / 1_000)
      return seconds > 0 ? t('tooOften', { wait: waitText(view, seconds) }) : undefined
    }
    default:
      return undefined
  }
}
