import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'
import { unverifiedBlocks, unverifiedLines } from '../unverified.ts'

export type Operation = 'change' | 'restore' | 'reset' | 'set'

interface Content {
  operation: Operation
  /** Client address of the request, as the service saw it. */
  ip: string
  changedAt: Date
  /** True if the staff had not verified the customer. */
  unverified: boolean
  reportLink: string
}

/** What a customer who expected the change does next. */
const fine = {
  change: 'password_changed.fine',
  restore: 'password_changed.fine',
  reset: 'password_changed.reset.fine',
  set: 'password_changed.set.fine',
} as const

/** Composes the notification of a new password (ASVS 6.3.7). The reader may not have made the change. */
export const passwordChangedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand } = presentation
  const { operation, ip, changedAt, unverified, reportLink } = content
  // Addresses of the staff's network are not disclosed to customers.
  const isByStaff = operation === 'set'
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`password_changed.${operation}.subject`),
        title: t(`password_changed.${operation}.title`),
        blocks: [
          t(`password_changed.${operation}.what`, { brand }),
          { label: t('common.when'), value: presentation.dateTime(changedAt) },
          ...(isByStaff ? [] : [{ label: t('common.address'), value: ip }]),
          ...unverifiedBlocks(presentation, unverified),
          t(fine[operation]),
          ...reportBlocks(presentation, { about: isByStaff ? 'not_asked' : 'not_you', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`password_changed.${operation}.sms`, { brand, when: presentation.shortDateTime(changedAt) }),
        ...(isByStaff ? [] : [ifFree(t('common.sms_address', { address: ip }))]),
        ...unverifiedLines(presentation, unverified),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
