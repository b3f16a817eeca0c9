import type { Approval, Client, ListedJob, Verification } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import type { FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import type { ActName } from './acts.ts'
import { approvalFacts, approvalPath, nameOfApproval, pendingOf } from './approval-entry.ts'
import { addressFacts } from './customer-facts.ts'
import { facts, timeOf } from './elements.ts'
import { jobFacts, jobPath } from './job-entry.ts'
import { consolePath } from './return-path.ts'
import type { StaffSession } from './staff-sessions.service.ts'
import type { StaffTexts } from './staff-texts.ts'
import { verificationOf } from './verification.ts'
import { isOpenRestore, lastRestoreOf, obstacleToEndOfWait, restoreFacts } from './waiting-restore.ts'

/** What an act is about, in the form that is kept with its outcome. */
export interface KeptSubject {
  kind: 'customer' | 'approval' | 'job' | 'all'
  path: string
  clientId?: number | undefined
  customer?: string
  action?: Approval['action']
}

/** What an act is about. */
export interface Subject {
  kept: KeptSubject
  /** HTML that shows the person whom or what they chose. */
  about(t: StaffTexts, language: PageLanguage): string
  /** This member's verification of the customer; undefined if the act is about no customer. */
  verification?: Verification | undefined
  /** HTML that says why this act cannot be done now; undefined if it can. */
  obstacle(t: StaffTexts, act: ActName, language: PageLanguage): string | undefined
}

/** The name of a subject in a title. */
export const subjectName = (t: StaffTexts, { customer = '', action }: KeptSubject): string =>
  action === undefined ? customer : nameOfApproval(t, { action, customer })

type Request = Pick<FastifyRequest, 'api' | 'staff'>

const requested: Partial<Record<ActName, Approval['action']>> = {
  reset: 'reset_password',
  'set-password': 'set_password',
  unblock: 'lift_block',
  'end-hold': 'end_hold',
  'reset-factors': 'reset_factors',
  'end-wait': 'end_wait',
  'reset-all': 'reset_all',
}

/** Says that the same act waits for a second person, so that nobody asks for it twice. */
const waitingNotice = (
  t: StaffTexts,
  language: PageLanguage,
  approvals: Approval[],
  act: ActName,
): string | undefined => {
  const same = approvals.find(({ action }) => action === requested[act])
  if (!same) return undefined
  return html`${t('obstacle.waiting', { name: same.maker })} !${timeOf(language, same.createTime)}.
<a href="${approvalPath(same.id)}">${t('obstacle.waiting.link')}</a>`
}

/** Acts whose form shows the customer's waiting restore. */
const aboutRestore: ActName[] = ['veto-restore', 'end-wait']

const customerSubject = async (request: Request, clientId: string, act: ActName): Promise<Subject> => {
  const [client, pending, verification, restore] = await Promise.all([
    request.api.get<Client>(`/api/v2/clients/${clientId}`),
    pendingOf(request.api, { clientId: Number(clientId) }),
    verificationOf(request.api, clientId),
    aboutRestore.includes(act) ? lastRestoreOf(request.api, clientId) : undefined,
  ])
  return {
    kept: {
      kind: 'customer',
      path: `${consolePath}/customers/${client.id}`,
      clientId: client.id,
      customer: client.customer,
    },
    about: (t, language) =>
      facts([...addressFacts(t, language, client), ...(restore ? restoreFacts(t, language, restore) : [])]),
    verification,
    obstacle(t, act, language) {
      if (act === 'block' && client.status === 'blocked') return html`${t('obstacle.blocked')}`
      if (act === 'end-hold' && !client.hold) return html`${t('obstacle.noHold')}`
      if (act === 'veto-restore' && !isOpenRestore(restore)) return html`${t('obstacle.noRestore')}`
      const waiting = waitingNotice(t, language, pending, act)
      if (waiting !== undefined || act !== 'end-wait') return waiting
      return obstacleToEndOfWait(t, restore, verification, client.id)
    },
  }
}

/** True if this person asked for the action: another must decide (S41). */
export const isOwnRequest = ({ maker, makerOwner }: Approval, { subject }: Pick<StaffSession, 'subject'>): boolean =>
  maker === subject || makerOwner === subject

const approvalSubject = async ({ api, staff }: Request, approvalId: string): Promise<Subject> => {
  const approval = await api.get<Approval>(`/api/v2/approvals/${approvalId}`)
  const { action, clientId, customer } = approval
  return {
    kept: {
      kind: 'approval',
      path: approvalPath(approvalId),
      action,
      clientId,
      ...(customer !== undefined && { customer }),
    },
    about: (t, language) => facts(approvalFacts(t, language, approval)),
    obstacle(t) {
      if (approval.state !== 'pending') return html`${t('obstacle.decided')}`
      return isOwnRequest(approval, staff) ? html`${t('obstacle.own')}` : undefined
    },
  }
}

const jobSubject = async ({ api }: Request, jobId: string): Promise<Subject> => {
  const job = await api.get<ListedJob>(`/api/v2/jobs/${jobId}`)
  return {
    kept: { kind: 'job', path: jobPath(jobId) },
    about: (t) => facts(jobFacts(t, job)),
    obstacle: (t) => (job.state === 'running' ? undefined : html`${t('obstacle.jobEnded')}`),
  }
}

const everyCustomer = async (request: Request): Promise<Subject> => {
  const pending = await pendingOf(request.api, { action: 'reset_all' })
  return {
    kept: { kind: 'all', path: `${consolePath}/jobs` },
    about: () => '',
    obstacle: (t, act, language) => waitingNotice(t, language, pending, act),
  }
}

/** Reads what an act is about from the API. @throws RekeyError as the API answers */
export const findSubject = (request: Request, ids: Record<string, unknown>, act: ActName): Promise<Subject> => {
  if (ids.clientId !== undefined) return customerSubject(request, String(ids.clientId), act)
  if (ids.approvalId !== undefined) return approvalSubject(request, String(ids.approvalId))
  if (ids.jobId !== undefined) return jobSubject(request, String(ids.jobId))
  return everyCustomer(request)
}
