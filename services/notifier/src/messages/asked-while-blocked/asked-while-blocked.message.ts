import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'

/**
 * Composes the notification that somebody asked for a code of a blocked customer, who otherwise waits for one that never
 * comes. The reader may not have asked. It has no link: the account is blocked already.
 */
export const askedWhileBlockedMessage = (presentation: Presentation, { askedAt }: { askedAt: Date }): Message => {
  const { t, brand, contact } = presentation
  return {
    mail: composeMail(presentation, {
      subject: t('asked_while_blocked.subject'),
      title: t('asked_while_blocked.title'),
      blocks: [
        t('asked_while_blocked.what'),
        { label: t('common.when'), value: presentation.dateTime(askedAt) },
        t('asked_while_blocked.blocked'),
        t('asked_while_blocked.if_you', { contact }),
        t('asked_while_blocked.if_not_you'),
        t('asked_while_blocked.once'),
      ],
    }),
    sms: composeSms([t('asked_while_blocked.sms', { brand, contact, when: presentation.shortDateTime(askedAt) })]),
  }
}
