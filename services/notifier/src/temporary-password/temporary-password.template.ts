import type { Recipient } from '@rekey/contracts'
import { afterBrand, composeMail } from '../delivery/compose-mail.ts'
import type { Message } from '../delivery/delivery.ts'
import { localDateTime } from '../delivery/local-time.ts'
import { notMeBlocks, notMeSms } from '../delivery/not-me.ts'

type SetBy = 'client' | 'back_office'

interface Content {
  setBy: SetBy
  password: string
  expiresAt: Date
  reportLink: string
  recipient: Recipient
  brand: string
}

const wording: Record<SetBy, (brand: string) => { what: string; otherwise: string }> = {
  client: () => ({
    what: 'Somebody, we hope you, said that your password was forgotten, and had a code that we sent to you. Your old password no longer works. Sign in with this one.',
    otherwise: 'If it was not you',
  }),
  back_office: (brand) => ({
    what: `The staff of ${brand} set a temporary password for your account. Your old password no longer works.`,
    otherwise: 'If you did not ask for help with your password',
  }),
}

/** A temporary password. It stands alone on its line: nothing before or after it can be taken for a part of it. */
export const temporaryPasswordMessage = (content: Content): Message => {
  const { setBy, password, expiresAt, reportLink, recipient, brand } = content
  const { what, otherwise } = wording[setBy](brand)
  const title = 'Your temporary password'
  const until = localDateTime(expiresAt, recipient)
  const temporary = { label: 'Temporary password', value: password, prominent: true }
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        what,
        temporary,
        `It is valid until ${until}, for one sign-in, at which you must set a password of your own.`,
        `Nobody from ${brand} will ever ask you for it.`,
        ...notMeBlocks({ brand, otherwise, reportLink }),
      ],
    }),
    sms: [
      `${brand}: ${afterBrand(title)}, for one sign-in, at which you must change it`,
      `${temporary.label}: ${password}`,
      `Valid until ${until}.`,
      notMeSms({ reportLink }),
    ].join('\n'),
  }
}
