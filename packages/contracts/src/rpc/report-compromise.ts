import { type Static, Type } from '@sinclair/typebox'
import { CompactToken, OneOf } from '../fields.ts'

/** The gateway's page passes on what the link of a notice holds. */
export const ReportCompromise = {
  subject: 'account.report-compromise',
  summary: 'A customer says by the link of a notice: it was not me.',
  request: Type.Object({ token: CompactToken, ip: Type.String() }),
  reply: Type.Object({ result: OneOf(['reported', 'used', 'expired', 'invalid']) }),
}
export type ReportCompromiseRequest = Static<typeof ReportCompromise.request>
export type ReportCompromiseReply = Static<typeof ReportCompromise.reply>

/** For how long the link of a notice is good. */
export const reportLinkDays = 7
