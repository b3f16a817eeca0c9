import { html } from 'ghtml'
import { csrfField, field, hidden, passwordField } from '../layout/form.ts'
import { contactLink } from '../layout/renderer.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, Problem, View } from '../layout/view.ts'
import type {
  CodeState,
  DoneState,
  EndedState,
  PasswordState,
  RestoreState,
  ReturnedState,
} from './hosted-restore.state.ts'
import { isAboutPage } from './outcome.ts'
import { problemOf } from './outcome-texts.ts'
import { proofPage } from './proof.template.ts'
import { waitingPage } from './waiting.template.ts'

/** What the pages tell before the customer needs it. */
export interface RestoreFacts {
  codeDigits: number
  codeLifeSeconds: number
  minPasswordLength: number
  maxPasswordLength: number
}

/** A page of a state. */
export interface StatePage {
  view: View
  facts: RestoreFacts
  /** Path of the restore: `/restore/<flow>`. */
  path: string
  turn: string
  now: Date
}

const steps = 3

interface Start {
  /** Fields that come back with the form. */
  fields: Record<string, string>
  input?: string
  problem?: Problem
}

export const startPage = (view: View, { fields, input = '', problem }: Start): Page => {
  const { t, returnUrl, brand } = view
  return {
    title: t('start.title'),
    step: { at: 1, of: steps },
    problems: problem ? [problem] : [],
    body: html`<p>${t('start.intro')}</p>
<form method="post" action="/restore">
!${csrfField(view)}!${hidden(fields)}
!${field({
      name: 'username',
      label: t('start.username'),
      hint: t('start.username.hint'),
      problem: problem?.field && problem.text,
      attributes: html`value="${input}" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" dir="ltr"`,
    })}
<button>${t('continue')}</button>
</form>
!${returnUrl ? html`<p class="after"><a href="${returnUrl}">${t('back', { brand })}</a></p>` : ''}`,
  }
}

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

/** When a new code can be asked for; the script counts down. */
const resendWait = ({ t }: View, seconds: number): string =>
  seconds <= 0
    ? ''
    : html`<p class="hint" data-wait="${seconds}">!${richText((values) => t('code.resend.wait', values), {
        wait: html`<span data-clock dir="ltr">${clock(seconds)}</span>`,
      })}</p>`

const resendForm = (
  { view, path, turn }: StatePage,
  rank: '' | 'second',
): string => html`<form method="post" action="${path}/resend">
!${csrfField(view)}!${hidden({ turn })}
<button!${rank && html` class="${rank}"`}>${view.t('code.resend')}</button>
</form>`

const secondsUntil = (time: number, now: Date): number => Math.max(0, Math.ceil((time - now.getTime()) / 1_000))

/** The address that the code went to, from left to right in every script. */
const addressed = (username: string): string => html`<strong dir="ltr">${username}</strong>`

const codeTitle = ({ t }: View, username: string): string =>
  username.includes('@') ? t('code.title.email') : t('code.title.phone')

const otherAddress = ({ t }: View): string => html`<p class="after"><a href="/restore">${t('code.other')}</a></p>`

const expiredPage = (page: StatePage, { username }: CodeState): Page => {
  const { view } = page
  const { t } = view
  return {
    title: t('code.expired.title'),
    step: { at: 2, of: steps },
    body: html`<p>!${richText((values) => t('code.expired.what', values), { username: addressed(username) })}</p>
!${resendForm(page, '')}
!${otherAddress(view)}`,
  }
}

const codePage = (page: StatePage, state: CodeState): Page => {
  const { view, facts, path, turn, now } = page
  const { t } = view
  const { username, verificationCode, outcome, expiresAt, resendAt } = state
  const lifeSeconds = secondsUntil(expiresAt, now)
  if (lifeSeconds === 0) return expiredPage(page, state)
  const problem = problemOf(view, facts, now, outcome)
  const isAboutField = !isAboutPage(outcome)
  return {
    title: codeTitle(view, username),
    step: { at: 2, of: steps },
    problems: problem ? [isAboutField ? { field: 'code', text: problem } : { text: problem }] : [],
    body: html`!${outcome?.kind === 'resent' ? html`<p class="notice" role="status">${t('code.resent')}</p>` : ''}
<p>!${richText((values) => t('code.sent', values), { username: addressed(username) })}</p>
<p class="shown">${t('code.verification')} <strong dir="ltr">${verificationCode}</strong> ${t('code.verification.compare')}</p>
<form method="post" action="${path}/code" data-expires="${lifeSeconds}">
!${csrfField(view)}!${hidden({ turn })}
!${field({
      name: 'code',
      label: t('code.confirmation'),
      hint: t('code.confirmation.hint', { digits: facts.codeDigits, minutes: Math.ceil(facts.codeLifeSeconds / 60) }),
      problem: isAboutField ? problem : undefined,
      attributes: html`class="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" dir="ltr"`,
    })}
<button>${t('continue')}</button>
</form>
<div class="aside">
<h2>${t('code.none')}</h2>
<p>${username.includes('@') ? t('code.none.email') : t('code.none.phone')}</p>
!${resendWait(view, secondsUntil(resendAt, now))}
!${resendForm(page, 'second')}
!${otherAddress(view)}
</div>`,
  }
}

const passwordPage = ({ view, facts, path, turn, now }: StatePage, state: PasswordState): Page => {
  const { t } = view
  const { username, outcome, strength, isProven } = state
  const problem = problemOf(view, facts, now, outcome)
  const isAboutField = !isAboutPage(outcome)
  return {
    title: t('password.title'),
    step: { at: 3, of: steps },
    problems: problem ? [isAboutField ? { field: 'password', text: problem } : { text: problem }] : [],
    body: html`!${isProven && !outcome ? html`<p class="notice" role="status">${t('proof.done')}</p>` : ''}
<form method="post" action="${path}/password">
!${csrfField(view)}!${hidden({ turn })}
<!-- Password managers store the new password for this name. -->
<input name="username" value="${username}" autocomplete="username" readonly hidden>
!${passwordField(view, {
      name: 'password',
      label: t('password.new'),
      hint: t('password.new.hint', { least: facts.minPasswordLength }),
      problem: isAboutField ? problem : undefined,
      autocomplete: 'new-password',
      strength: { path: `${path}/strength`, score: strength },
    })}
<button>${t('password.set')}</button>
<noscript><button class="second test" formaction="${path}/strength">${t('strength.test')}</button></noscript>
</form>
<p class="after">${t('password.effect')}</p>`,
  }
}

/** The client's address with its own `state` (RFC 6749 §4.1.2 adds parameters to the query). */
const backTo = ({ returnUrl }: View, { returnTo }: DoneState): string | undefined => {
  if (!returnTo) return returnUrl
  const url = new URL(returnTo.redirectUri)
  if (returnTo.state !== undefined) url.searchParams.append('state', returnTo.state)
  return url.href
}

const donePage = ({ view }: StatePage, state: DoneState): Page => {
  const { t, brand, contact } = view
  const back = backTo(view, state)
  return {
    title: t('done.title'),
    isDone: true,
    body: html`!${state.outcome?.kind === 'otherPassword' ? html`<p class="notice" role="status">${t('done.otherPassword')}</p>` : ''}
<p>${t('done.next', { brand })}</p>
<p>!${richText((values) => t('done.notice', values), { contact: contactLink(contact) })}</p>
!${back ? html`<p><a class="button" href="${back}">${t('done.back', { brand })}</a></p>` : ''}`,
  }
}

/** For a tab that came back after the client was given the code. A code is good once, so the page does not redirect. */
const returnedPage = ({ view, now }: StatePage, { location, expiresAt }: ReturnedState): Page => {
  const { t } = view
  const isOpen = now.getTime() < expiresAt
  return {
    title: t('returned.title'),
    body: html`<p>${t(isOpen ? 'returned.what' : 'returned.late')}</p>
!${isOpen ? html`<p><a class="button" href="${location}">${t('continue')}</a></p>` : ''}`,
  }
}

const startAgain = ({ t }: View): string => html`<p><a class="button" href="/restore">${t('ended.again')}</a></p>`

const endedPage = ({ view }: StatePage, { why }: EndedState): Page => {
  const { t, contact } = view
  const texts = {
    tooManyWrong: 'ended.tooManyWrong',
    late: 'ended.late',
    spent: 'ended.spent',
    noProof: 'ended.noProof',
    noWait: 'ended.noWait',
    unknown: 'ended.unknown',
  } as const
  return {
    title: t(why === 'unknown' ? 'ended.unknown.title' : 'ended.title'),
    body: html`<p>!${richText((values) => t(texts[why], values), { contact: contactLink(contact) })}</p>
!${startAgain(view)}`,
  }
}

/** There is no such restore in this browser. */
export const unknownPage = (view: View): Page => ({
  title: view.t('unknown.title'),
  body: html`<p>${view.t('unknown.what')}</p>
!${startAgain(view)}`,
})

/** The page of a state. */
export const statePage = (page: StatePage, state: RestoreState): Page => {
  switch (state.step) {
    case 'code':
      return codePage(page, state)
    case 'password':
      return passwordPage(page, state)
    case 'proof':
      return proofPage({ ...page, step: { at: 3, of: steps } }, state)
    case 'waiting':
      return waitingPage(page, state)
    case 'done':
      return donePage(page, state)
    case 'returned':
      return returnedPage(page, state)
    case 'ended':
      return endedPage(page, state)
  }
}
