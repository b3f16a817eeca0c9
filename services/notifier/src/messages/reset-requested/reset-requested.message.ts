import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'
import { unverifiedBlocks, unverifiedLines } from '../unverified.ts'

interface Content {
  requestedAt: Date
  /** True if the staff had not verified the customer. */
  unverified: boolean
  reportLink: string
}

/** Composes the demand for a new password. It has no link to a form, which would look like a phishing mail. */
export const resetRequestedMessage = (
  presentation: Presentation,
  { requestedAt, unverified, reportLink }: Content,
): Message => {
  const { t, brand } = presentation
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t('reset_requested.subject'),
        title: t('reset_requested.title'),
        blocks: [
          t('reset_requested.what', { brand }),
          { label: t('common.when'), value: presentation.dateTime(requestedAt) },
          ...unverifiedBlocks(presentation, unverified),
          t('reset_requested.next'),
          ...reportBlocks(presentation, { about: 'other_user', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t('reset_requested.sms', { brand }),
        ifFree(`${t('common.when')}: ${presentation.shortDateTime(requestedAt)}`),
        ...unverifiedLines(presentation, unverified),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
