import { html } from 'ghtml'
import { csrfField, hidden } from '../layout/form.ts'
import type { Page } from '../layout/view.ts'
import { ownWayFields, ownWayTexts, passkeyAttributes, wayText, withoutWays } from '../pages/proof.template.ts'
import { isOwnWay } from '../second-proofs/second-proofs.ts'
import { type AccountView, backToAccount, problemAt, problemsOf } from './account-view.ts'
import { codeStepPage, resendForm } from './code-step.template.ts'
import { securityPath as path, type SecurityCode } from './security.state.ts'

const choicePage = (account: AccountView, turn: string, { challengeTypes }: SecurityCode): Page => {
  const { view, t } = account
  const button = (type: string) =>
    html`<p><button name="way" value="${type}">!${isOwnWay(type) ? wayText(view, type) : html`${t('security.byEmail')}`}</button></p>`
  return {
    title: view.t('proof.title'),
    body: html`<p>${t('security.choose')}</p>
<form method="post" action="${path}/way">
!${csrfField(view)}!${hidden({ turn })}
!${challengeTypes.map(button).join('\n')}
</form>
!${withoutWays(view)}
!${backToAccount(account)}`,
  }
}

/** Another way, or whom to call without one. */
const otherWay = (account: AccountView, turn: string, { challengeTypes }: SecurityCode): string =>
  challengeTypes.length < 2
    ? withoutWays(account.view)
    : html`<div class="after"><form method="post" action="${path}/other">
!${csrfField(account.view)}!${hidden({ turn })}
<button class="second">${account.view.t('proof.other')}</button>
</form></div>`

/** The page of the proof before a change of the own methods. */
export const securityCodePage = (account: AccountView, turn: string, state: SecurityCode): Page => {
  const { view, t } = account
  const { chosen, outcome } = state
  if (chosen === undefined) return choicePage(account, turn, state)
  if (!isOwnWay(chosen)) {
    return codeStepPage(account, {
      state,
      title: view.t('code.title.email'),
      sent: html`${t('change.sent')}`,
      path,
      turn,
      hint: view.t('code.none.email'),
      otherWays: html`!${otherWay(account, turn, state)}
!${backToAccount(account)}`,
      expired: html`<p>${t('change.expired')}</p>
!${resendForm(view, { path, turn }, '')}
!${backToAccount(account)}`,
    })
  }
  const problems = problemsOf(account, outcome, 'code')
  const { title, what } = ownWayTexts(view, chosen)
  return {
    title,
    problems,
    body: html`<p>${what}</p>
<form method="post" action="${path}/code"!${passkeyAttributes(state.publicKey)}>
!${csrfField(view)}!${hidden({ turn })}
!${ownWayFields(view, chosen, problemAt(problems, 'code'))}
</form>
!${otherWay(account, turn, state)}
!${backToAccount(account)}`,
  }
}
