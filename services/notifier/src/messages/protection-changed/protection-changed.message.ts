import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'
import { unverifiedBlocks, unverifiedLines } from '../unverified.ts'

export type Operation = 'block' | 'lift_block' | 'end_hold' | 'end_sessions'

interface Content {
  operation: Operation
  changedAt: Date
  /** True if the staff had not verified the customer. */
  unverified: boolean
  /** Undefined for a block. */
  reportLink: string | undefined
}

/** What the customer does next. */
const next = {
  block: 'protection_changed.block.next',
  lift_block: 'protection_changed.fine',
  end_hold: 'protection_changed.fine',
  end_sessions: 'protection_changed.end_sessions.next',
} as const

/** Composes the notification of what the staff did to a customer's protection. It does not disclose the staff's address. */
export const protectionChangedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand, contact } = presentation
  const { operation, changedAt, unverified, reportLink } = content
  const when = presentation.shortDateTime(changedAt)
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`protection_changed.${operation}.subject`),
        title: t(`protection_changed.${operation}.title`),
        blocks: [
          t(`protection_changed.${operation}.what`, { brand }),
          { label: t('common.when'), value: presentation.dateTime(changedAt) },
          ...unverifiedBlocks(presentation, unverified),
          t(next[operation], { contact }),
          ...(reportLink === undefined ? [] : reportBlocks(presentation, { about: 'not_asked', reportLink })),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`protection_changed.${operation}.sms`, { brand, when, contact }),
        ...unverifiedLines(presentation, unverified),
        ...(reportLink === undefined ? [] : reportLines(presentation, reportLink)),
      ])
    },
  }
}
