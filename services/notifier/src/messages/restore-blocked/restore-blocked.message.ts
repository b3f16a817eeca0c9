import { fullMinute } from '@rekey/platform/clock'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'

interface Content {
  from: Date
  /** Undefined: until the back office lifts the lockout. */
  until: Date | undefined
}

const smsOf = ({ t, brand, contact, ...presentation }: Presentation, until: Date | undefined): string =>
  until === undefined
    ? composeSms([t('restore_blocked.until_lifted.sms', { brand, contact })])
    : composeSms([
        t('restore_blocked.for_now.sms', { brand, until: presentation.shortDateTime(until) }),
        ifFree(t('restore_blocked.for_now.sms_secret')),
        t('common.sms_not_you', { contact }),
      ])

/**
 * Composes the notification of a lockout of restore. The reader may not have entered the wrong codes. It has no link:
 * there is no change to report, and the lockout already stops the guessing.
 */
export const restoreBlockedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, contact } = presentation
  const until = content.until && fullMinute(content.until)
  const kind = until ? 'for_now' : 'until_lifted'
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`restore_blocked.${kind}.subject`),
        title: t(`restore_blocked.${kind}.title`),
        blocks: [
          t('restore_blocked.what'),
          { label: t('restore_blocked.from'), value: presentation.dateTime(content.from) },
          ...(until ? [{ label: t('common.until'), value: presentation.dateTime(until) }] : []),
          t('restore_blocked.sign_in'),
          t(`restore_blocked.${kind}.if_you`, { contact }),
          t(`restore_blocked.${kind}.if_not_you`),
          t(`restore_blocked.${kind}.call`, { contact }),
        ],
      })
    },
    get sms() {
      return smsOf(presentation, until)
    },
  }
}
