import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'

export type SetBy = 'client' | 'back_office'

interface Content {
  setBy: SetBy
  password: string
  expiresAt: Date
  reportLink: string
}

/** Composes a temporary password. The password ends its line, so that nothing else can be taken for a part of it. */
export const temporaryPasswordMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand } = presentation
  const { setBy, password, expiresAt, reportLink } = content
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t('temporary_password.subject'),
        title: t('temporary_password.title'),
        blocks: [
          t(`temporary_password.${setBy}.what`, { brand }),
          { label: t('temporary_password.label'), value: password, prominent: true },
          { label: t('common.until'), value: presentation.dateTime(expiresAt) },
          t('temporary_password.life'),
          t('temporary_password.secret', { brand }),
          ...reportBlocks(presentation, { about: setBy === 'client' ? 'not_you' : 'not_asked', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t('temporary_password.sms', { brand }),
        `${t('temporary_password.sms_label')}: ${password}`,
        ifFree(t('temporary_password.sms_until', { until: presentation.shortDateTime(expiresAt) })),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
