import { html } from 'ghtml'
import { csrfField, field, hidden } from '../layout/form.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'
import { type AccountView, problemAt, problemsOf, secondsUntil } from './account-view.ts'
import type { CodeSent } from './password-change.state.ts'

interface CodeStep {
  state: CodeSent
  title: string
  /** HTML: where the code went. */
  sent: string
  /** Paths of the forms: `<path>/code` and `<path>/resend`. */
  path: string
  turn: string
  step?: { at: number; of: number }
  /** What to do if there is no message. */
  hint: string
  /** HTML after the button for a new code. */
  otherWays?: string
  /** HTML of the page once the code has expired. */
  expired: string
}

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

/** When a new code can be asked for; the script counts down. */
const resendWait = ({ t }: View, seconds: number): string =>
  seconds <= 0
    ? ''
    : html`<p class="hint" data-wait="${seconds}">!${richText((values) => t('code.resend.wait', values), {
        wait: html`<span data-clock dir="ltr">${clock(seconds)}</span>`,
      })}</p>`

/** The form that asks for a new code. */
export const resendForm = (view: View, { path, turn }: Pick<CodeStep, 'path' | 'turn'>, rank: '' | 'second'): string =>
  html`<form method="post" action="${path}/resend">
!${csrfField(view)}!${hidden({ turn })}
<button!${rank && html` class="${rank}"`}>${view.t('code.resend')}</button>
</form>`

/** The page that asks for a confirmation code. */
export const codeStepPage = (account: AccountView, step: CodeStep): Page => {
  const { view, facts, now } = account
  const { t } = view
  const { state, path, turn } = step
  const lifeSeconds = secondsUntil(state.expiresAt, now)
  const place = step.step && { step: step.step }
  if (lifeSeconds === 0) return { title: t('code.expired.title'), ...place, body: step.expired }
  const problems = problemsOf(account, state.outcome, 'code')
  return {
    title: step.title,
    ...place,
    problems,
    body: html`!${state.outcome?.kind === 'resent' ? html`<p class="notice" role="status">${t('code.resent')}</p>` : ''}
<p>!${step.sent}</p>
<p class="shown">${t('code.verification')} <strong dir="ltr">${state.verificationCode}</strong> ${t('code.verification.compare')}</p>
<form method="post" action="${path}/code" data-expires="${lifeSeconds}">
!${csrfField(view)}!${hidden({ turn })}
!${field({
      name: 'code',
      label: t('code.confirmation'),
      hint: t('code.confirmation.hint', { digits: facts.codeDigits, minutes: Math.ceil(facts.codeLifeSeconds / 60) }),
      problem: problemAt(problems, 'code'),
      attributes: html`class="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" dir="ltr"`,
    })}
<button>${t('continue')}</button>
</form>
<div class="aside">
<h2>${t('code.none')}</h2>
<p>${step.hint}</p>
!${resendWait(view, secondsUntil(state.resendAt, now))}
!${resendForm(view, { path, turn }, 'second')}
!${step.otherWays ?? ''}
</div>`,
  }
}
