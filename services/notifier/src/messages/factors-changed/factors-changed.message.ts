import type { FactorOperation } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'

interface Content {
  operation: FactorOperation
  /** Client address of the request, as the service saw it. */
  ip: string
  changedAt: Date
  reportLink: string
}

/** Composes the notification of a change of the second factors (ASVS 6.3.7). The reader may not have made it. */
export const factorsChangedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand } = presentation
  const { operation, ip, changedAt, reportLink } = content
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`factors_changed.${operation}.subject`),
        title: t(`factors_changed.${operation}.title`),
        blocks: [
          t(`factors_changed.${operation}.what`),
          { label: t('common.when'), value: presentation.dateTime(changedAt) },
          { label: t('common.address'), value: ip },
          t('factors_changed.fine'),
          ...reportBlocks(presentation, { about: 'not_you', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`factors_changed.${operation}.sms`, { brand, when: presentation.shortDateTime(changedAt) }),
        ifFree(t('common.sms_address', { address: ip })),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
