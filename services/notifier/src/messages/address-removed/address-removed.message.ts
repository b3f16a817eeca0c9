import type { Recipient } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'

interface Content {
  /** Of the address that was removed. */
  channel: Recipient['channel']
  /** Masked addresses that took its place; none if it was only removed. */
  replacedBy: string[]
  removedAt: Date
  reportLink: string
}

/** Composes the message to an address that a customer lost (ASVS 6.3.7). Its reader may not have asked for that. */
export const addressRemovedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand } = presentation
  const { channel, replacedBy, removedAt, reportLink } = content
  const list = replacedBy.join(', ')
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`address_removed.${channel}.subject`),
        title: t(`address_removed.${channel}.title`),
        blocks: [
          t(`address_removed.${channel}.what`, { brand }),
          list === '' ? t('address_removed.not_replaced') : { label: t('address_removed.replaced_by'), value: list },
          { label: t('common.when'), value: presentation.dateTime(removedAt) },
          t('password_changed.fine'),
          ...reportBlocks(presentation, { about: 'not_you', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t('address_removed.text', { brand, when: presentation.shortDateTime(removedAt) }),
        ...(list === '' ? [] : [ifFree(t('address_removed.text_replaced_by', { list }))]),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
