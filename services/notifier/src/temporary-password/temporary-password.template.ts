import type { Recipient } from '@rekey/contracts'
import { afterBrand, composeMail } from '../delivery/compose-mail.ts'
import type { Message } from '../delivery/delivery.ts'
import { localDateTime } from '../delivery/local-time.ts'

interface Content {
  password: string
  expiresAt: Date
  recipient: Recipient
  brand: string
}

/** A temporary password. It stands alone on its line: nothing before or after it can be taken for a part of it. */
export const temporaryPasswordMessage = ({ password, expiresAt, recipient, brand }: Content): Message => {
  const title = 'Your temporary password'
  const until = localDateTime(expiresAt, recipient)
  const temporary = { label: 'Temporary password', value: password, prominent: true }
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        `The staff of ${brand} set a temporary password for your account. Your old password no longer works.`,
        temporary,
        `It is valid until ${until}. At your next sign-in you must set a password of your own.`,
        `Nobody from ${brand} will ever ask you for it.`,
        `If you did not ask for help with your password, call ${brand} at once, on a number that you already know.`,
      ],
    }),
    sms: [
      `${brand}: ${afterBrand(title)}, to be changed at your next sign-in`,
      `${temporary.label}: ${password}`,
      `Valid until ${until}.`,
    ].join('\n'),
  }
}
