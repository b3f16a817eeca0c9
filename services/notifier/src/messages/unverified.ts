import { type SmsLine, withinTwo } from './compose-sms.ts'
import type { Presentation } from './presentation.ts'

/** In the notification of an act of staff who had not verified the customer: a second person approved it (S59). */
export const unverifiedBlocks = ({ t, brand }: Presentation, unverified: boolean): string[] =>
  unverified ? [t('unverified.what', { brand })] : []

/** The same for SMS. */
export const unverifiedLines = ({ t }: Presentation, unverified: boolean): SmsLine[] =>
  unverified ? [withinTwo(t('unverified.sms'))] : []
