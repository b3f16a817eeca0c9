import { type Static, Type } from '@sinclair/typebox'
import { CompactToken, OneOf } from '../fields.ts'

/** The gateway's page sends the token of the link in a notification: its handle, or the sealed token of an earlier version. */
export const ReportCompromise = {
  subject: 'account.report-compromise',
  summary: "Report through the link of a notification that a change was not the customer's own.",
  request: Type.Object({ token: CompactToken, ip: Type.String() }),
  reply: Type.Object({ result: OneOf(['reported', 'used', 'expired', 'invalid']) }),
}
export type ReportCompromiseRequest = Static<typeof ReportCompromise.request>
export type ReportCompromiseReply = Static<typeof ReportCompromise.reply>

/** Lifetime of the report link in a notification. */
export const reportLinkDays = 7
