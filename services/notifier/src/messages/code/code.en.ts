import type { Purpose, Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localTime } from '../local-time.ts'

interface Content {
  purpose: Purpose
  code: string
  verificationCode: string
  expiresAt: Date
  now: Date
  recipient: Recipient
  brand: string
}

/** For each purpose: what the code does, and what to do if the customer did not request it. */
const wording = {
  restore: {
    title: 'Your code to set a new password',
    use: 'Somebody, we hope you, asked to set a new password for your account. Enter this code to go on.',
    notYou: () => 'If it was not you, do nothing and keep the code to yourself. Your password stays as it is.',
  },
  change: {
    title: 'Your code to change your password',
    use: 'Somebody who is signed in to your account, we hope you, asked to change its password. Enter this code to go on.',
    notYou: (brand: string) =>
      `If it was not you, somebody else is using your account. Do not enter the code anywhere, and call ${brand} at once, on a number that you already know.`,
  },
  login: {
    title: 'Your code to sign in',
    use: 'Somebody, we hope you, gave your password to sign in. Enter this code to go on.',
    notYou: (brand: string) =>
      `If it was not you, somebody else knows your password. Do not enter the code anywhere, change your password, and call ${brand} at once, on a number that you already know.`,
  },
} as const satisfies Record<Purpose, { title: string; use: string; notYou: (brand: string) => string }>

const duration = (ms: number): string => {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return 'less than a minute'
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}

/** Text of a code by mail and SMS. The subject has no code: locked screens show it and mail logs keep it. */
export const codeMessage = ({
  purpose,
  code,
  verificationCode,
  expiresAt,
  now,
  recipient,
  brand,
}: Content): Message => {
  const { title, use, notYou } = wording[purpose]
  const until = localTime(expiresAt, recipient)
  const left = duration(expiresAt.getTime() - now.getTime())
  const confirmation = { label: 'Confirmation code', value: code, prominent: true }
  const verification = { label: 'Verification code', value: verificationCode }
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        use,
        confirmation,
        verification,
        `The confirmation code works once, within the next ${left}: until ${until}.`,
        'The verification code is also shown where you asked for this message. If it is another one there, this message belongs to another request: do not enter the confirmation code.',
        `Nobody from ${brand} will ever ask you for the confirmation code. Whoever does is trying to get into your account.`,
        notYou(brand),
      ],
    }),
    sms: [
      `${brand}: ${afterBrand(title)}`,
      `${confirmation.label}: ${code}`,
      `${verification.label}: ${verificationCode}`,
      `Until ${until}. Never tell anyone.`,
    ].join('\n'),
  }
}
