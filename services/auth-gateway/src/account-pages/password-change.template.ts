import { html } from 'ghtml'
import { csrfField, hidden, passwordField } from '../layout/form.ts'
import type { Page } from '../layout/view.ts'
import { proofPage } from '../pages/proof.template.ts'
import type { AccountState } from './account-session.ts'
import { type AccountView, backToAccount, problemAt, problemsOf, withContact } from './account-view.ts'
import { codeStepPage, resendForm } from './code-step.template.ts'
import type { ChangeState, CodeSent, NewPassword } from './password-change.state.ts'

const path = '/account/password'
const steps = 2

const startPage = (account: AccountView, turn: string, change: ChangeState | undefined): Page => {
  const { view, t } = account
  return {
    title: t('change.title'),
    problems: change?.step === 'start' ? problemsOf(account, change.outcome, '') : [],
    body: html`<p>${t('change.intro')}</p>
<form method="post" action="${path}">
!${csrfField(view)}!${hidden({ turn })}
<button>${t('change.send')}</button>
</form>
!${backToAccount(account)}`,
  }
}

const codePage = (account: AccountView, turn: string, state: CodeSent): Page => {
  const { view, t } = account
  return codeStepPage(account, {
    state,
    title: view.t('code.title.email'),
    sent: html`${t('change.sent')}`,
    path,
    turn,
    step: { at: 1, of: steps },
    hint: view.t('code.none.email'),
    otherWays: backToAccount(account),
    expired: html`<p>${t('change.expired')}</p>
!${resendForm(view, { path, turn }, '')}
!${backToAccount(account)}`,
  })
}

const newPage = (
  account: AccountView,
  turn: string,
  { username, mustChange }: AccountState,
  change: NewPassword,
): Page => {
  const { view, t, facts } = account
  const problems = problemsOf(account, change.outcome, 'password')
  return {
    title: view.t('password.title'),
    ...(!mustChange && { step: { at: 2, of: steps } }),
    problems,
    body: html`!${mustChange ? html`<p class="notice">${t('new.must')}</p>` : ''}
!${change.isProven && !change.outcome ? html`<p class="notice" role="status">${view.t('proof.done')}</p>` : ''}
<form method="post" action="${path}/new">
!${csrfField(view)}!${hidden({ turn })}
<!-- Password managers store the new password for this name. -->
<input name="username" value="${username}" autocomplete="username" readonly hidden>
!${passwordField(view, {
      name: 'current',
      label: t('new.current'),
      hint: t('new.current.hint'),
      problem: problemAt(problems, 'current'),
      autocomplete: 'current-password',
    })}
!${passwordField(view, {
      name: 'password',
      label: view.t('password.new'),
      hint: view.t('password.new.hint', { least: facts.minPasswordLength }),
      problem: problemAt(problems, 'password'),
      autocomplete: 'new-password',
      strength: { path: `${path}/strength`, score: change.strength },
    })}
<button>${view.t('password.set')}</button>
<noscript><button class="second test" formaction="${path}/strength" formnovalidate>${view.t('strength.test')}</button></noscript>
</form>
<p class="after">${t('new.effect')}</p>`,
  }
}

const donePage = (account: AccountView, { mustChange }: AccountState): Page => {
  const { view, t } = account
  return {
    title: view.t('done.title'),
    isDone: true,
    body: html`<p>${t('changed.what')}</p>
<p>!${withContact((values) => view.t('done.notice', values), view)}</p>
!${
      mustChange
        ? html`<p>${t('changed.must')}</p>
<p><a class="button" href="/account/sign-in">${t('signIn.submit')}</a></p>`
        : html`<p><a class="button" href="/account">${t('home.back')}</a></p>`
    }`,
  }
}

const endedPage = (
  { view, t }: AccountView,
  { why }: Extract<ChangeState, { step: 'ended' }>,
  mustChange: boolean,
): Page => {
  const keys = {
    tooManyWrong: 'ended.tooManyWrong',
    late: 'ended.late',
    spent: 'ended.spent',
    noProof: 'ended.noProof',
  } as const
  const isUnknown = why === 'unknown'
  return {
    title: isUnknown ? t('changed.unknown.title') : view.t('ended.title'),
    body: html`<p>!${withContact((values) => (isUnknown ? t('changed.unknown', values) : view.t(keys[why], values)), view)}</p>
<p><a class="button" href="${mustChange ? '/account/sign-in' : '/account'}">${mustChange ? t('signIn.again') : t('home.back')}</a></p>`,
  }
}

/** The page of a change. @param change as it is now */
export const changePage = (
  account: AccountView,
  turn: string,
  state: AccountState,
  change: ChangeState | undefined,
): Page => {
  switch (change?.step) {
    case 'code':
      return codePage(account, turn, change)
    case 'new':
      return newPage(account, turn, state, change)
    case 'proof':
      return proofPage({ ...account, path, turn, step: { at: 2, of: steps } }, change)
    case 'done':
      return donePage(account, state)
    case 'ended':
      return endedPage(account, change, state.mustChange)
    default:
      return startPage(account, turn, change)
  }
}
