import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { afterBrand, composeMail } from '../compose-mail.ts'
import { localDateTime } from '../local-time.ts'
import { reportBlocks, reportSms } from '../report-link.en.ts'

type Operation = 'block' | 'lift_block' | 'end_hold' | 'end_sessions'

interface Content {
  operation: Operation
  changedAt: Date
  /** Undefined for a block. */
  reportLink: string | undefined
  recipient: Recipient
  brand: string
}

const wording: Record<Operation, (brand: string) => { title: string; what: string; next: string }> = {
  block: (brand) => ({
    title: 'Your account is blocked',
    what: `The staff of ${brand} blocked your account. Until they lift the block, nobody can sign in to it or restore its password. You were signed out on all devices.`,
    next: `To have it lifted, call ${brand}, on a number that you already know.`,
  }),
  lift_block: (brand) => ({
    title: 'Your account can be used again',
    what: `The staff of ${brand} lifted every block of your account: with the right password you can sign in, and a forgotten password can be restored.`,
    next: 'If you asked for it, there is nothing more to do.',
  }),
  end_hold: (brand) => ({
    title: 'A waiting time of your account was ended',
    what: `After a new password, withdrawals from your account had to wait. The staff of ${brand} ended this waiting time early.`,
    next: 'If you asked for it, there is nothing more to do.',
  }),
  end_sessions: (brand) => ({
    title: 'You were signed out',
    what: `The staff of ${brand} signed you out on all devices. Your password stays the same.`,
    next: 'To go on, sign in again.',
  }),
}

/** Text of the notification of what the staff did to a customer's protection. It does not disclose the staff's address. */
export const protectionChangedMessage = ({ operation, changedAt, reportLink, recipient, brand }: Content): Message => {
  const { title, what, next } = wording[operation](brand)
  const when = localDateTime(changedAt, recipient)
  const otherwise = 'If you did not ask for it'
  return {
    mail: composeMail({
      brand,
      title,
      blocks: [
        what,
        { label: 'When', value: when },
        next,
        ...(reportLink === undefined ? [] : reportBlocks({ brand, otherwise, reportLink })),
        `Nobody from ${brand} will ever ask you for your password or for a code.`,
      ],
    }),
    sms: `${brand}: ${afterBrand(title)}, ${when}.\n${reportLink === undefined ? next : reportSms({ reportLink })}`,
  }
}
