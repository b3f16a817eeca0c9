import type { BounceReason } from '@rekey/contracts'
import type { SmtpFailure } from './failures.ts'

/** Reasons by subject and detail of an enhanced status code (RFC 3463 §3; 1.10: RFC 7505 §4.2). */
const byDetail: Readonly<Record<string, BounceReason>> = {
  '1.1': 'unknown_address',
  '1.2': 'unknown_domain',
  '1.3': 'unknown_address',
  '1.6': 'unknown_address',
  '1.10': 'unknown_domain',
  '2.1': 'unreachable',
  '2.2': 'full',
  '4.4': 'unknown_domain',
  '4.7': 'expired',
}

/**
 * Reads why a mail did not arrive from an enhanced status code (RFC 3463), such as 5.1.1. A persistent transient failure
 * (4.y.z) of a mail that was given up counts as expired, unless its detail says more.
 */
export const reasonOfStatus = (status: string): BounceReason => {
  const [kind = '', subject = '', detail = ''] = status.split('.')
  const known = byDetail[`${subject}.${detail}`]
  if (known) return known
  if (kind === '4') return 'expired'
  // 6: the content or its media; 7: security or policy.
  return subject === '6' || subject === '7' ? 'rejected' : 'other'
}

/** Replies that are about one mailbox (RFC 5321 §4.2.3). 5.7.z in them is a policy: it says nothing about the address. */
const mailboxReplies = [550, 551, 553]
/** Statuses of the recipient's address or mailbox; 5.1.7 and 5.1.8 are about the sender (RFC 3463 §3.2). */
const ofRecipient = /^\d{3}[ -](5\.(?:1\.(?!7\b|8\b)\d{1,3}|2\.1))(?!\d)/

/** Why the recipient of a refused mail cannot receive. @returns undefined if the reply does not say so of the recipient */
export const bounceOfReply = ({ responseCode, response = '' }: SmtpFailure): BounceReason | undefined => {
  const [, status] = ofRecipient.exec(response) ?? []
  return status && mailboxReplies.includes(responseCode ?? 0) ? reasonOfStatus(status) : undefined
}
