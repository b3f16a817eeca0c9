import type { Factor, FactorKind } from '@rekey/contracts'
import { html } from 'ghtml'
import { csrfField, hidden } from '../layout/form.ts'
import { localTime } from '../layout/local-time.ts'
import type { Page } from '../layout/view.ts'
import type { AccountState } from './account-session.ts'
import { type AccountView, backToAccount, problemsOf, withContact } from './account-view.ts'
import type { AccountOutcome } from './password-change.state.ts'
import { type ProvenState, securityPath as path, type SecurityNotice, type SecurityState } from './security.state.ts'

/** Words of each kind of method. A new kind is a line here. */
export const kindKeys = {
  passkey: { name: 'security.passkey', protects: 'security.passkey.protects' },
  totp: { name: 'security.app', protects: 'security.app.protects' },
  recovery_codes: { name: 'security.codes', protects: 'security.codes.protects' },
} as const satisfies Record<FactorKind, object>

/** At so few codes or fewer, new ones are offered first. */
export const fewCodes = 2

/** A button that is a form of its own. */
export const securityButton = (
  { view }: AccountView,
  {
    action,
    text,
    turn,
    rank = '',
    fields = {},
    aloud = '',
  }: {
    action: string
    text: string
    turn: string
    rank?: '' | 'second' | 'danger'
    fields?: Record<string, string>
    /** Read out after the text, to tell equal buttons apart. */
    aloud?: string
  },
): string => html`<form method="post" action="${path}/${action}">
!${csrfField(view)}!${hidden({ turn, ...fields })}
<button!${rank && html` class="${rank}"`}>${text}!${aloud && html`<span class="aloud"> (${aloud})</span>`}</button>
</form>`

/** The first page: nothing is shown before the proof. @param isLate true if a proof was given that has ended */
export const securityStartPage = (
  account: AccountView,
  turn: string,
  { outcome, isLate = false }: { outcome?: AccountOutcome | undefined; isLate?: boolean } = {},
): Page => {
  const { view, t } = account
  return {
    title: t('security.title'),
    problems: problemsOf(account, outcome, ''),
    body: html`!${isLate ? html`<p class="notice" role="status">${t('security.late')}</p>` : ''}
<p>${t('security.intro')}</p>
<form method="post" action="${path}">
!${csrfField(view)}!${hidden({ turn })}
<button>${view.t('continue')}</button>
</form>
!${backToAccount(account)}`,
  }
}

const factorItem =
  (account: AccountView, timezone: string, turn: string) =>
  ({ id, kind, label, createdAt, lastUsedAt, young, codesLeft }: Factor): string => {
    const { view, t } = account
    const at = (time: string) => localTime(view, new Date(time), timezone)
    const name = t(kindKeys[kind].name)
    return html`<li><strong>${name}!${label ? html`: <bdi>${label}</bdi>` : ''}</strong>!${young ? html` <span class="mark">${t('security.young')}</span>` : ''}<br>
${t(kindKeys[kind].protects)}<br>
!${codesLeft === undefined ? '' : html`${t('security.left', { count: codesLeft })}<br>`}
${t('security.added', { at: at(createdAt) })}<br>
${lastUsedAt ? t('sessions.used', { at: at(lastUsedAt) }) : t('security.unused')}
!${securityButton(account, { action: 'removal', text: t('security.remove'), turn, rank: 'second', fields: { factor: id }, aloud: label ?? name })}</li>`
  }

const noticeKeys = {
  removed: 'security.removed',
  check: 'security.check',
  codesLost: 'security.codesLost',
  tooManyPasskeys: 'security.tooManyPasskeys',
} as const satisfies Record<SecurityNotice, string>

/** Buttons that add a method, one a kind. A further kind is a line here. */
const additions = (account: AccountView, turn: string, codesLeft: number | undefined): string => {
  const { t } = account
  // Where few codes are left, the page has begun with that button.
  const offersCodes = codesLeft === undefined || codesLeft > fewCodes
  return [
    { action: 'passkey', text: t('security.addPasskey') },
    { action: 'add', text: t('security.addApp') },
    ...(offersCodes
      ? [{ action: 'issue', text: t(codesLeft === undefined ? 'security.getCodes' : 'security.newCodes') }]
      : []),
  ]
    .map((one) => securityButton(account, { ...one, turn, rank: 'second' }))
    .join('\n')
}

/** The methods of the customer, each with what it protects. */
export const securityListPage = (
  account: AccountView,
  turn: string,
  { timezone }: AccountState,
  state: ProvenState,
  factors: Factor[],
): Page => {
  const { t } = account
  const notice = state.step === 'list' ? state.notice : undefined
  const codesLeft = factors.find(({ kind }) => kind === 'recovery_codes')?.codesLeft
  return {
    title: t('security.title'),
    body: html`!${notice ? html`<p class="notice" role="status">${t(noticeKeys[notice])}</p>` : ''}
!${
      codesLeft !== undefined && codesLeft <= fewCodes
        ? html`<p class="notice">${t('security.few')}</p>
!${securityButton(account, { action: 'issue', text: t('security.newCodes'), turn })}`
        : ''
    }
!${
      factors.length === 0
        ? html`<p>${t('security.none')}</p>`
        : html`<ul class="records">
!${factors.map(factorItem(account, timezone, turn)).join('\n')}
</ul>`
    }
<h2>${t('security.more')}</h2>
!${state.isSpent ? html`<p>${t('security.again')}</p>` : ''}
!${additions(account, turn, codesLeft)}
!${backToAccount(account)}`,
  }
}

const endedKeys = { late: 'security.late', hidden: 'security.hidden' } as const

export const securityEndedPage = (
  { view, t }: AccountView,
  { why }: Extract<SecurityState, { step: 'ended' }>,
): Page => ({
  title: view.t('ended.title'),
  body: html`<p>!${why === 'tooManyWrong' ? withContact((values) => t('signIn.tooManyWrong', values), view) : html`${t(endedKeys[why])}`}</p>
<p><a class="button" href="${path}">${t('security.back')}</a></p>`,
})
