import { type ReportCompromiseReply, reportLinkDays } from '@rekey/contracts'
import { html } from 'ghtml'
import { hidden } from '../layout/form.ts'
import { contactLink } from '../layout/renderer.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'

const form = ({ t }: View, token: string) => html`<form method="post" action="/not-me">
!${hidden({ token })}
<button class="danger">${t('report.block')}</button>
</form>`

/** Asks for a confirmation, and says what the report will do. */
export const confirmPage = (view: View, token: string): Page => {
  const { t, brand } = view
  return {
    title: t('report.title'),
    body: html`<p>${t('report.intro')}</p>
<ul>
<li>${t('report.effect.devices')}</li>
<li>${t('report.effect.blocked', { brand })}</li>
</ul>
!${form(view, token)}
<p class="after">${t('report.wasYou')}</p>`,
  }
}

/** After a failure. The report may have been stored all the same, with only its answer lost. */
export const tryAgainPage = (view: View, token: string): Page => {
  const { t, contact } = view
  return {
    title: t('report.retry.title'),
    problems: [{ text: t('report.retry.problem') }],
    body: html`<p>!${richText((values) => t('report.retry.todo', values), { contact: contactLink(contact) })}</p>
!${form(view, token)}`,
  }
}

/** The result of the report. */
export const resultPage = ({ t, contact }: View, result: ReportCompromiseReply['result']): Page => ({
  title: t(`report.${result}.title`),
  body: html`<p>${t(`report.${result}.what`, { days: reportLinkDays })}</p>
<p>!${richText((values) => t(`report.${result}.todo`, values), { contact: contactLink(contact) })}</p>`,
})
