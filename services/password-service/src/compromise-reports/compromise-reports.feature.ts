import { ReportCompromise, type ReportCompromiseReply, type ReportCompromiseRequest } from '@rekey/contracts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { deleteExpiredLinks, readReportLink } from '../notifications/report-links.ts'
import type { WaitingRestoresFeature } from '../waiting-restores/waiting-restores.feature.ts'
import { reportCompromise } from './report-compromise.ts'

/** Takes the compromise reports of customers: the links "it was not me" of their notifications. */
export const createCompromiseReports = (
  infra: Infrastructure,
  { waitingRestores }: { waitingRestores: WaitingRestoresFeature },
): Feature => {
  const { database, loops, keys, now, log } = infra

  const refuse = (
    result: 'used' | 'expired' | 'invalid',
    address: string,
    about: { customerId?: number; changeId?: number } = {},
  ): ReportCompromiseReply => {
    log.event('authn_compromise_report_fail', { reason: result, address, ...about })
    return { result }
  }

  /** @throws RekeyError unavailable */
  const report = async ({ token, ip }: ReportCompromiseRequest): Promise<ReportCompromiseReply> => {
    const link = await readReportLink(database, keys, token)
    if (!link) return refuse('invalid', ip)
    const { customerId, changeId, channel, expiresAt } = link
    if (now() >= expiresAt) return refuse('expired', ip, { customerId, changeId })
    const reported = await reportCompromise({ ...infra, waitingRestores }, link, ip)
    if (reported.result !== 'reported') {
      return refuse(reported.result === 'used' ? 'used' : 'invalid', ip, { customerId, changeId })
    }
    const { customer } = reported
    log.event('authn_compromise_reported', { customer, actor: 'client', changeId, channel, address: ip })
    return { result: 'reported' }
  }

  return {
    rpcs: [{ rpc: ReportCompromise, answer: report }],
    deletions: { 'expired report links': deleteExpiredLinks(loops) },
  }
}
