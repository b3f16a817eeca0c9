import type { Approval } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import type { Api } from './api.ts'
import { badge, type Entry, type Fact, timeOf } from './elements.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

/** The API's longest page: fewer wait for one customer. */
const mostOfCustomer = 100

/** The approvals that wait for one customer, or of one action; the oldest first. */
export const pendingOf = async (
  api: Pick<Api, 'get'>,
  wanted: Pick<Approval, 'action'> | { clientId: number },
): Promise<Approval[]> => {
  const query = { ...wanted, limit: mostOfCustomer }
  const { data } = await api.get<{ data: Approval[] }>('/api/v2/approvals', query)
  // A password-service of an earlier version returns those of all customers and actions.
  return data.filter((approval) =>
    'clientId' in wanted ? approval.clientId === wanted.clientId : approval.action === wanted.action,
  )
}

export const approvalPath = (id: string) => `${consolePath}/approvals/${id}`

/** What is to be approved, and for whom. */
export const nameOfApproval = (
  t: StaffTexts,
  { action, customer }: { action: Approval['action']; customer?: string | undefined },
): string => (customer ? t('approval.name', { action: t(`action.${action}`), customer }) : t(`action.${action}`))

const states = { pending: 'open', approved: 'good', rejected: 'bad', expired: 'bad' } as const

const stateBadge = (t: StaffTexts, { state }: Approval) => badge(t(`approval.${state}`), states[state])

/** One approval in a list. */
export const approvalEntry = (t: StaffTexts, language: PageLanguage, approval: Approval): Entry => {
  const { id, addresses = [], reason, maker, createTime } = approval
  return {
    title: html`<a href="${approvalPath(id)}">${nameOfApproval(t, approval)}</a>`,
    badge: stateBadge(t, approval),
    lines: [
      ...(addresses.length > 0 ? [addresses.map((address) => html`<bdi dir="ltr">${address}</bdi>`).join(', ')] : []),
      html`${t('approval.askedBy', { name: maker })} !${timeOf(language, createTime)}`,
      ...(reason === undefined ? [] : [html`${t('record.reason')} <q>${reason}</q>`]),
    ],
  }
}

/** Everything about one approval: whom it is about, who asked, why, since when, and who decided. */
export const approvalFacts = (t: StaffTexts, language: PageLanguage, approval: Approval): Fact[] => {
  const { action, clientId, customer, addresses = [], reason, maker, createTime, expiresAt, state } = approval
  const { decidedBy, decidedAt, decisionReason, send_mail: isMailed, verified } = approval
  const given = (label: string, value: string | undefined): Fact[] =>
    value === undefined ? [] : [[label, html`${value}`]]
  return [
    [t('approval.state'), stateBadge(t, approval)],
    [t('approval.action'), html`${t(`action.${action}`)}`],
    ...(clientId === undefined
      ? ([[t('approval.customer'), html`${t('approval.everyone')}`]] as Fact[])
      : ([
          [
            t('approval.customer'),
            html`<a href="${consolePath}/customers/${clientId}">${customer}</a> !${addresses
              .map((address) => html`<bdi dir="ltr">${address}</bdi>`)
              .join(', ')}`,
          ],
        ] as Fact[])),
    ...(isMailed === undefined ? [] : ([[t('approval.mail'), html`${t(isMailed ? 'yes' : 'no')}`]] as Fact[])),
    ...(verified === undefined ? [] : ([[t('approval.verified'), html`${t(verified ? 'yes' : 'no')}`]] as Fact[])),
    [t('approval.maker'), html`${maker}`],
    [t('approval.since'), timeOf(language, createTime)],
    ...given(t('approval.reason'), reason),
    ...(state === 'pending' ? ([[t('approval.expires'), timeOf(language, expiresAt)]] as Fact[]) : []),
    ...given(t('approval.decidedBy'), decidedBy),
    ...(decidedAt === undefined ? [] : ([[t('approval.decidedAt'), timeOf(language, decidedAt)]] as Fact[])),
    ...given(t('approval.decisionReason'), decisionReason),
  ]
}
