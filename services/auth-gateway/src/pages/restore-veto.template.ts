import type { WaitingRestoreVetoReply } from '@rekey/contracts'
import { html } from 'ghtml'
import { hidden } from '../layout/form.ts'
import { contactLink } from '../layout/renderer.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'

const form = ({ t }: View, token: string) => html`<form method="post" action="/restore-veto">
!${hidden({ token })}
<button class="danger">${t('veto.stop')}</button>
</form>`

/** Asks for a confirmation, and says what the veto will do. */
export const vetoPage = (view: View, token: string): Page => ({
  title: view.t('veto.title'),
  body: html`<p>${view.t('veto.intro')}</p>
<p>${view.t('veto.effect')}</p>
!${form(view, token)}
<p class="after">${view.t('report.wasYou')}</p>`,
})

/** After a failure. The veto may have been stored all the same, with only its answer lost. */
export const vetoRetryPage = (view: View, token: string): Page => {
  const { t, contact } = view
  return {
    title: t('report.retry.title'),
    problems: [{ text: t('veto.retry.problem') }],
    body: html`<p>!${richText((values) => t('report.retry.todo', values), { contact: contactLink(contact) })}</p>
!${form(view, token)}`,
  }
}

/** The result of the veto. */
export const vetoResultPage = ({ t, contact }: View, result: WaitingRestoreVetoReply['result']): Page => {
  const about = result === 'invalid' ? ('report.invalid' as const) : (`veto.${result}` as const)
  return {
    title: t(`${about}.title`),
    body: html`<p>${t(`${about}.what`)}</p>
<p>!${richText((values) => t(`${about}.todo`, values), { contact: contactLink(contact) })}</p>`,
  }
}
