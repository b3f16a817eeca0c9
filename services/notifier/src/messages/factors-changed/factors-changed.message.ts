import type { FactorOperation } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'
import { reportBlocks, reportLines } from '../report-link.ts'
import { unverifiedBlocks, unverifiedLines } from '../unverified.ts'

interface Content {
  operation: FactorOperation | 'reset'
  /** Client address of the request, as the service saw it. Undefined for a reset: the staff's is not disclosed. */
  ip: string | undefined
  changedAt: Date
  /** True if the staff had not verified the customer. */
  unverified: boolean
  reportLink: string
}

/** Key of the text for a customer who expects the change. */
const fineOf = (operation: Content['operation']) =>
  operation === 'reset' || operation === 'passkey_cloned'
    ? (`factors_changed.${operation}.fine` as const)
    : 'factors_changed.fine'

/** Composes the notification of a change of the second factors (ASVS 6.3.7). The reader may not have made it. */
export const factorsChangedMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand } = presentation
  const { operation, ip, changedAt, unverified, reportLink } = content
  const isByStaff = operation === 'reset'
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`factors_changed.${operation}.subject`),
        title: t(`factors_changed.${operation}.title`),
        blocks: [
          t(`factors_changed.${operation}.what`, { brand }),
          { label: t('common.when'), value: presentation.dateTime(changedAt) },
          ...(ip === undefined ? [] : [{ label: t('common.address'), value: ip }]),
          ...unverifiedBlocks(presentation, unverified),
          t(fineOf(operation)),
          ...reportBlocks(presentation, { about: isByStaff ? 'not_asked' : 'not_you', reportLink }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`factors_changed.${operation}.sms`, { brand, when: presentation.shortDateTime(changedAt) }),
        ...(ip === undefined ? [] : [ifFree(t('common.sms_address', { address: ip }))]),
        ...unverifiedLines(presentation, unverified),
        ...reportLines(presentation, reportLink),
      ])
    },
  }
}
