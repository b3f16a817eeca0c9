import type { Recipient } from '@rekey/contracts'
import { afterBrand, composeMail } from '../delivery/compose-mail.ts'
import type { Message } from '../delivery/delivery.ts'
import { localDateTime } from '../delivery/local-time.ts'
import { notMeBlocks, notMeSms } from '../delivery/not-me.ts'

interface Content {
  requestedAt: Date
  reportLink: string
  recipient: Recipient
  brand: string
}

/** The staff want the password changed. The mail brings no link to a form: it would look like every phishing mail. */
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
        ...notMeBlocks({ brand, otherwise: 'If you think that somebody else may be using your account', reportLink }),
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)} at your next sign-in. You were signed out on all devices, ${when}.\nWere there sign-ins that were not yours?\n${notMeSms({ reportLink })}`,
  }
}
