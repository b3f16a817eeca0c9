import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'
import { reportBlocks, reportSms } from '../report-link.en.ts'

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

/** Text of a temporary password. The password ends its line, so that nothing else can be taken for a part of it. */
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
        ...reportBlocks({ brand, otherwise, reportLink }),
      ],
    }),
    sms: [
      `${brand}: ${afterBrand(title)}, for one sign-in, at which you must change it`,
      `${temporary.label}: ${password}`,
      `Valid until ${until}.`,
      reportSms({ reportLink }),
    ].join('\n'),
  }
}
