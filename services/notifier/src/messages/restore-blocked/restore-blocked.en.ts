import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'

interface Content {
  from: Date
  /** Undefined: until the back office lifts the lockout. */
  until: Date | undefined
  recipient: Recipient
  brand: string
}

const minuteMs = 60_000

/** Rounds up: the text has no seconds, and the customer must not try too early. */
const fullMinute = (time: Date) => new Date(Math.ceil(time.getTime() / minuteMs) * minuteMs)

const signInStays = 'Your password has not changed, and you can sign in with it as always.'

const forNow = (brand: string, until: string) => ({
  title: 'Replacing a forgotten password is blocked for now',
  values: [{ label: 'Until', value: until }],
  ifYou: 'If it was you, wait until then, and ask for a new code.',
  ifNotYou: `If it was not you, there is nothing that you have to do: all of the codes were wrong, and nobody got in with them. Do not give a code to anyone. If this goes on, call ${brand}, on a number that you already know.`,
  sms: { until: ` until ${until}`, advice: 'If it was not you, do not give a code to anyone.' },
})

const untilLifted = (brand: string) => ({
  title: 'Replacing a forgotten password is switched off',
  values: [],
  ifYou: `If you have forgotten your password, call ${brand}, on a number that you already know. Only the staff can switch this on again, once they have made sure that it is you.`,
  ifNotYou: `If it was not you, somebody has been trying to get into your account for some time. All of the codes were wrong, and nobody got in with them. Do not give a code to anyone, and call ${brand} too.`,
  sms: {
    until: '',
    advice: `Only the staff can switch it on again: call ${brand}, on a number that you already know.`,
  },
})

/**
 * Text of the notification of a lockout of restore. The reader may not have entered the wrong codes. It has no link: there
 * is no change to report, and the lockout already stops the guessing.
 */
export const restoreBlockedMessage = ({ from, until, recipient, brand }: Content): Message => {
  const when = localDateTime(from, recipient)
  const { title, values, ifYou, ifNotYou, sms } = until
    ? forNow(brand, localDateTime(fullMinute(until), recipient))
    : untilLifted(brand)
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        'Somebody said that the password of your account was forgotten, and gave wrong confirmation codes too often. So that nobody can go on guessing, no codes are sent or accepted for this.',
        { label: 'From', value: when },
        ...values,
        signInStays,
        ifYou,
        ifNotYou,
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)}, from ${when}${sms.until}: too many wrong codes were given.\n${signInStays}\n${sms.advice}`,
  }
}
