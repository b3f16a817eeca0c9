import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'
import { reportBlocks, reportSms } from '../report-link.en.ts'

interface Content {
  /** Masked addresses that took its place; none if it was only removed. */
  replacedBy: string[]
  removedAt: Date
  reportLink: string
  recipient: Recipient
  brand: string
}

const nouns = { email: 'e-mail address', sms: 'phone number' } as const

/** Text for an address that a customer lost (ASVS 6.3.7). Its reader may not have asked for that. */
export const addressRemovedMessage = ({ replacedBy, removedAt, reportLink, recipient, brand }: Content): Message => {
  const noun = nouns[recipient.channel]
  const title = `This ${noun} was removed from your account`
  const when = localDateTime(removedAt, recipient)
  const list = replacedBy.join(', ')
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        `Codes for your account at ${brand} no longer go to this ${noun}.`,
        list === '' ? 'No other was added in its place.' : { label: 'Added in its place', value: list },
        { label: 'When', value: when },
        'If it was you, there is nothing more to do.',
        ...reportBlocks({ brand, otherwise: 'If it was not you', reportLink }),
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)}${list === '' ? '' : `, replaced by ${list}`}, ${when}.\n${reportSms({ reportLink })}`,
  }
}
