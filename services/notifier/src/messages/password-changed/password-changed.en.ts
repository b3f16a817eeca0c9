import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'
import { reportBlocks, reportSms } from '../report-link.en.ts'

type Operation = 'change' | 'restore' | 'reset' | 'set'

interface Content {
  operation: Operation
  /** Client address of the request, as the service saw it. */
  ip: string
  changedAt: Date
  reportLink: string
  recipient: Recipient
  brand: string
}

interface Wording {
  title: string
  what: string
  /** Advice if the customer expected the change. */
  fine: string
  /** Start of the advice if the customer did not. */
  otherwise: string
}

const ifItWasYou = { fine: 'If it was you, there is nothing more to do.', otherwise: 'If it was not you' }

const wording: Record<Operation, (brand: string) => Wording> = {
  change: () => ({
    title: 'Your password was changed',
    what: 'The password of your account was changed by somebody who was signed in to it.',
    ...ifItWasYou,
  }),
  restore: () => ({
    title: 'You have a new password',
    what: 'A new password was set for your account by somebody who said that the old one was forgotten, and who had a code that we sent to you.',
    ...ifItWasYou,
  }),
  reset: () => ({
    title: 'Your password was reset',
    what: 'Your old password no longer works: somebody said that it was forgotten, and had a code that we sent to you. A temporary password went out in a message of its own.',
    fine: 'If it was you, sign in with the temporary password and set one of your own.',
    otherwise: 'If it was not you',
  }),
  set: (brand) => ({
    title: 'Your password was replaced',
    what: `The password of your account was replaced by the staff of ${brand}. Your old password no longer works.`,
    fine: 'If you asked for it, sign in with the temporary password and set one of your own.',
    otherwise: 'If you did not ask for it',
  }),
}

/** Text of the notification of a new password (ASVS 6.3.7). The reader may not have made the change. */
export const passwordChangedMessage = (content: Content): Message => {
  const { operation, ip, changedAt, reportLink, recipient, brand } = content
  const { title, what, fine, otherwise } = wording[operation](brand)
  const when = localDateTime(changedAt, recipient)
  // Addresses of the staff's network are not disclosed to customers.
  const where = operation === 'set' ? [] : [{ label: 'From the network address', value: ip }]
  const from = operation === 'set' ? '' : `, from ${ip}`
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        what,
        { label: 'When', value: when },
        ...where,
        fine,
        ...reportBlocks({ brand, otherwise, reportLink }),
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)}, ${when}${from}.\n${reportSms({ reportLink })}`,
  }
}
