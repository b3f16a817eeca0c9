import { html } from 'ghtml'
import { csrfField, field, hidden, passwordField } from '../layout/form.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'
import {
  isSms,
  maskedOf,
  ownWayFields,
  ownWayTexts,
  passkeyAttributes,
  wayButtons,
  withoutWays,
} from '../pages/proof.template.ts'
import { isOwnWay } from '../second-proofs/second-proofs.ts'
import { type AccountView, problemAt, problemsOf, withContact } from './account-view.ts'
import { codeStepPage } from './code-step.template.ts'
import type { AccountOutcome } from './password-change.state.ts'
import type { SignInState } from './sign-in.service.ts'

type OfStep<Step extends SignInState['step']> = Extract<SignInState, { step: Step }>

/** Pages that a sign-in may lead to, below that of the account. */
export const signInTargets = ['password', 'security'] as const

/** The page that a sign-in leads to, if it is not that of the account. */
export type SignInNext = (typeof signInTargets)[number] | undefined

/** Place of a sign-in: its path and the turn of its forms. */
export interface SignInPlace {
  flow: string
  turn: string
  next?: SignInNext
}

const pathOf = ({ flow }: SignInPlace): string => `/account/sign-in/${flow}`

/** Why the first page is shown. */
export type SignInReason = 'ended' | undefined

interface Start extends SignInPlace {
  username?: string
  outcome?: AccountOutcome
  reason?: SignInReason
}

export const signInPage = (account: AccountView, { flow, turn, next, username = '', outcome, reason }: Start): Page => {
  const { view, t } = account
  const problems = problemsOf(account, outcome, 'password')
  return {
    title: t('signIn.title'),
    problems,
    body: html`!${reason === 'ended' ? html`<p class="notice" role="status">${t('signIn.ended')}</p>` : ''}
<form method="post" action="/account/sign-in">
!${csrfField(view)}!${hidden({ flow, turn, ...(next && { next }) })}
!${field({
      name: 'username',
      label: view.t('start.username'),
      hint: t('signIn.username.hint'),
      problem: problemAt(problems, 'username'),
      attributes: html`value="${username}" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" dir="ltr"`,
    })}
!${passwordField(view, {
      name: 'password',
      label: t('signIn.password'),
      problem: problemAt(problems, 'password'),
      autocomplete: 'current-password',
    })}
<button>${t('signIn.submit')}</button>
</form>
<p class="after"><a href="/restore">${t('signIn.forgot')}</a></p>`,
  }
}

const devicePage = (account: AccountView, place: SignInPlace, state: OfStep<'device'>): Page => {
  const { view, t } = account
  const hasOwnCode = state.devices.some(isOwnWay)
  return {
    title: hasOwnCode ? view.t('proof.title') : t('device.title'),
    step: { at: 2, of: 3 },
    problems: problemsOf(account, state.outcome, ''),
    body: html`<p>${hasOwnCode ? view.t('proof.intro') : t('device.intro')}</p>
<form method="post" action="${pathOf(place)}/device">
!${csrfField(view)}!${hidden({ turn: place.turn })}
!${wayButtons(view, state.devices, 'device')}
</form>
!${withoutWays(view)}
<p class="after"><a href="/account/sign-in">${t('signIn.other')}</a></p>`,
  }
}

const otherDevice = ({ view, t }: AccountView, place: SignInPlace, devices: string[]): string =>
  devices.length < 2
    ? withoutWays(view)
    : html`<div class="after"><form method="post" action="${pathOf(place)}/other">
!${csrfField(view)}!${hidden({ turn: place.turn })}
<button class="second">${devices.some(isOwnWay) ? view.t('proof.other') : t('device.other')}</button>
</form></div>`

const codePage = (account: AccountView, place: SignInPlace, state: OfStep<'code'>): Page => {
  const { view, t } = account
  const { device, devices } = state
  if (isOwnWay(device)) {
    const problems = problemsOf(account, state.outcome, 'code')
    const { title, what } = ownWayTexts(view, device)
    return {
      title,
      step: { at: 3, of: 3 },
      problems,
      body: html`<p>${what}</p>
<form method="post" action="${pathOf(place)}/code"!${passkeyAttributes(state.publicKey)}>
!${csrfField(view)}!${hidden({ turn: place.turn })}
!${ownWayFields(view, device, problemAt(problems, 'code'))}
</form>
!${otherDevice(account, place, devices)}`,
    }
  }
  return codeStepPage(account, {
    state,
    title: isSms(device) ? view.t('code.title.phone') : view.t('code.title.email'),
    sent: richText((values) => t('code.sent', values), {
      address: html`<strong dir="ltr">${maskedOf(device)}</strong>`,
    }),
    path: pathOf(place),
    turn: place.turn,
    step: { at: 3, of: 3 },
    hint: isSms(device) ? view.t('code.none.phone') : view.t('code.none.email'),
    otherWays: otherDevice(account, place, devices),
    expired: html`<p>${t('signIn.late')}</p>
<p><a class="button" href="/account/sign-in">${t('signIn.again')}</a></p>`,
  })
}

const endedPage = ({ view, t }: AccountView, { why }: OfStep<'ended'>): Page => ({
  title: view.t('ended.title'),
  body: html`<p>!${why === 'late' ? html`${t('signIn.late')}` : withContact((values) => t('signIn.tooManyWrong', values), view)}</p>
<p><a class="button" href="/account/sign-in">${t('signIn.again')}</a></p>`,
})

/** There is no such sign-in in this browser. */
export const unknownSignInPage = (view: View, { t }: Pick<AccountView, 't'>): Page => ({
  title: view.t('unknown.title'),
  body: html`<p>${view.t('unknown.what')}</p>
<p><a class="button" href="/account/sign-in">${t('signIn.again')}</a></p>`,
})

/** The page of a state; `done` has none. */
export const signInStatePage = (
  account: AccountView,
  place: SignInPlace,
  state: Exclude<SignInState, { step: 'done' }>,
): Page => {
  switch (state.step) {
    case 'password':
      return signInPage(account, { ...place, username: state.username, outcome: state.outcome })
    case 'device':
      return devicePage(account, place, state)
    case 'code':
      return codePage(account, place, state)
    case 'ended':
      return endedPage(account, state)
  }
}

export const signedOutPage = ({ view, t }: AccountView): Page => ({
  title: t('signedOut.title'),
  isDone: true,
  body: html`<p>${t('signedOut.what')}</p>
<p><a class="button" href="/account/sign-in">${t('signIn.again')}</a></p>
!${view.returnUrl ? html`<p class="after"><a href="${view.returnUrl}">${view.t('back', { brand: view.brand })}</a></p>` : ''}`,
})
