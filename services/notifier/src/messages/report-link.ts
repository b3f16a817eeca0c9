import { reportLinkDays } from '@rekey/contracts'
import type { Block } from './compose-mail.ts'
import { type SmsLine, withinTwo } from './compose-sms.ts'
import type { Presentation } from './presentation.ts'

interface Content {
  /** Which changes are reported. */
  about: 'not_you' | 'not_asked' | 'other_user'
  reportLink: string
}

/**
 * What to do after a change that was not the customer's own (ASVS 6.3.7). The link comes first, since it works at any
 * hour. The text states its effect, since only the staff can undo it.
 */
export const reportBlocks = ({ t, brand, contact }: Presentation, { about, reportLink }: Content): Block[] => [
  t(`report.${about}`),
  { label: t('report.button'), url: reportLink },
  t('report.effect', { brand }),
  t('report.life', { days: reportLinkDays }),
  t('report.call', { contact }),
]

/** The same for SMS, with the link at the end of a line: programs that find links take no character after it. */
export const reportLines = ({ t, contact }: Presentation, reportLink: string): SmsLine[] => [
  t('report.sms', { link: reportLink }),
  withinTwo(t('common.sms_call', { contact })),
]
