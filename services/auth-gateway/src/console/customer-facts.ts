import type { Client } from '@rekey/contracts'
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
