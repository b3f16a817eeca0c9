import type { Client, FactorList } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import { badge, dayOf, type Fact, timeOf } from './elements.ts'
import type { StaffTexts } from './staff-texts.ts'

/** Active or blocked. */
export const statusBadge = (t: StaffTexts, { status }: Pick<Client, 'status'>): string =>
  badge(t(`customer.status.${status}`), status === 'active' ? 'good' : 'bad')

const identifierFact = (
  t: StaffTexts,
  language: PageLanguage,
  { kind, value, verifiedAt }: Client['identifiers'][number],
): Fact => [
  t(`customer.${kind}`),
  html`<bdi dir="ltr">${value}</bdi> !${
    verifiedAt === undefined
      ? badge(t('customer.unconfirmed'), 'open')
      : html`<span class="quiet">${t('customer.confirmed')} !${dayOf(language, verifiedAt)}</span>`
  }`,
]

/** Status and addresses: enough to recognise the customer. */
export const addressFacts = (t: StaffTexts, language: PageLanguage, client: Client): Fact[] => [
  [t('customer.status'), statusBadge(t, client)],
  ...client.identifiers.map((identifier) => identifierFact(t, language, identifier)),
]

/** The second factors by name, and when each was used; without any, that there is none. */
export const factorFact = (t: StaffTexts, language: PageLanguage, { data }: FactorList): Fact => [
  t('factors'),
  data.length === 0
    ? html`${t('factors.none')}`
    : data
        .map(({ kind, label = '', young, codesLeft = 0, createdAt, lastUsedAt }) => {
          const name =
            kind === 'recovery_codes' ? t('factors.codes', { count: codesLeft }) : t(`factors.${kind}`, { label })
          const used = lastUsedAt === undefined ? t('factors.added') : t('factors.used')
          return html`<bdi>${name}</bdi> !${young ? badge(t('factors.young'), 'open') : ''}
<span class="quiet">${used} !${dayOf(language, lastUsedAt ?? createdAt)}</span>`
        })
        .join('<br>\n'),
]

/** What keeps the customer out, and what the help desk can do about it. */
export const stateFacts = (t: StaffTexts, language: PageLanguage, client: Client): Fact[] => {
  const { status, hold, restoreLockout, mustChange, lastChange } = client
  const until = (time: string | undefined) =>
    time === undefined ? html`${t('customer.untilLifted')}` : html`${t('customer.until')} !${timeOf(language, time)}`
  return [
    [
      t('customer.lockout'),
      // A block refuses the reset too.
      status === 'blocked'
        ? statusBadge(t, client)
        : restoreLockout
          ? html`!${badge(t('customer.locked'), 'bad')} !${until(restoreLockout.until)}`
          : html`${t('customer.notLocked')}`,
    ],
    [
      t('customer.hold'),
      hold ? html`!${badge(t('customer.held'), 'open')} !${until(hold.until)}` : html`${t('customer.notHeld')}`,
    ],
    [t('customer.mustChange'), html`${t(mustChange ? 'customer.mustChange.yes' : 'customer.mustChange.no')}`],
    [
      t('customer.lastChange'),
      lastChange
        ? html`${t(`record.${lastChange.operation}`)}, !${timeOf(language, lastChange.createTime)}`
        : html`${t('customer.never')}`,
    ],
  ]
}
