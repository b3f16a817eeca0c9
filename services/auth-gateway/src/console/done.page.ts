import { RekeyError } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import { html } from 'ghtml'
import { type PageStates, StateId } from '../layout/page-state.ts'
import { type DoneAct, donePath, referenceOf } from './act.page.ts'
import { approvalPath } from './approval-entry.ts'
import { type Desk, page } from './console-scope.ts'
import { paragraph, timeOf } from './elements.ts'
import { jobPath } from './job-entry.ts'
import { consolePath } from './return-path.ts'
import { subjectName } from './subject.ts'

/** What an act led to, and what the customer is told. Its address shows the same whenever it is opened again. */
export const donePage = (
  { app, textsOf, render }: Desk,
  { states }: { states: Pick<PageStates<DoneAct>, 'read'> },
): void => {
  app.get(donePath(':act'), { schema: { params: Type.Object({ act: StateId }) }, config: page }, async (request) => {
    const done = await states.read(referenceOf(request, request.params.act))
    if (!done) throw new RekeyError('not_found')
    const t = textsOf(request)
    const { act, outcome, subject } = done.state
    const name = subjectName(t, subject)
    const back = html`<p class="after"><a href="${subject.path}">${t(`subject.${subject.kind}.open`)}</a></p>`
    if (outcome.approvalId !== undefined) {
      return render(request, {
        title: t('done.waiting.title'),
        body: html`!${paragraph(t('done.waiting.what', { act: t(`act.${act}.title`, { subject: name }) }))}
<p>${t('done.waiting.until')} !${timeOf(request.view.language, outcome.expiresAt ?? '')}.</p>
!${paragraph(t('done.waiting.told'))}
<p><a class="button" href="${approvalPath(outcome.approvalId)}">${t('done.waiting.link')}</a></p>
!${back}`,
      })
    }
    return render(request, {
      title: t(`done.${act}.title`, { subject: name }),
      body: html`!${paragraph(t(`done.${act}.what`))}
!${paragraph(t(`done.${act}.told`))}
!${outcome.jobId === undefined ? '' : html`<p><a class="button" href="${jobPath(outcome.jobId)}">${t('done.job.link')}</a></p>`}
!${subject.clientId === undefined || act === 'reject' ? '' : html`<p><a class="button" href="${consolePath}/customers/${subject.clientId}/messages">${t('done.messages.link')}</a></p>`}
!${back}`,
    })
  })
}
