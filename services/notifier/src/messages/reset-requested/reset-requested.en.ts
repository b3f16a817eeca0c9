import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'
import { reportBlocks, reportSms } from '../report-link.en.ts'

interface Content {
  requestedAt: Date
  reportLink: string
  recipient: Recipient
  brand: string
}

/** Text of the demand for a new password. It has no link to a form, which would look like a phishing mail. */
export const resetRequestedMessage = ({ requestedAt, reportLink, recipient, brand }: Content): Message => {
  const title = 'Please set a new password'
  const when = localDateTime(requestedAt, recipient)
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        `The staff of ${brand} ask you to set a new password, and have signed you out on all devices.`,
        { label: 'When', value: when },
        'Sign in as you always do, with the password that you have: you are then asked for a new one.',
        ...reportBlocks({ brand, otherwise: 'If you think that somebody else may be using your account', reportLink }),
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)} at your next sign-in. You were signed out on all devices, ${when}.\nWere there sign-ins that were not yours?\n${reportSms({ reportLink })}`,
  }
}
