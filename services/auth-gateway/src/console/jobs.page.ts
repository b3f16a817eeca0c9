import type { ListedJob } from '@rekey/contracts'
import { html } from 'ghtml'
import { type Desk, page } from './console-scope.ts'
import { backLink, entries, facts, pager, pageSize, paragraph } from './elements.ts'
import { jobEntry, jobFacts, jobPath, type Progress, progressOf } from './job-entry.ts'
import { Offset, OneJob } from './parameters.ts'
import { consolePath } from './return-path.ts'

const path = `${consolePath}/jobs`

/** The jobs, and the progress of one. */
export const jobsPage = ({ app, textsOf, render }: Desk): void => {
  app.get(path, { schema: { querystring: Offset }, config: page }, async (request) => {
    const t = textsOf(request)
    const { offset } = request.query
    const query = { limit: pageSize, offset }
    const { total, data } = await request.api.get<{ total: number; data: ListedJob[] }>('/api/v2/jobs', query)
    return render(request, {
      title: t('jobs.title'),
      isWide: true,
      body: html`!${paragraph(t('jobs.text'))}
!${entries(
        data.map((job) => jobEntry(t, request.view.language, job)),
        t('jobs.none'),
      )}
!${pager({ t, path, offset, total })}
<p><a class="button second danger" href="${consolePath}/reset-all">${t('act.reset-all.link')}</a></p>`,
    })
  })

  app.get(`${path}/:jobId`, { schema: { params: OneJob }, config: page }, async (request, reply) => {
    const t = textsOf(request)
    const { jobId } = request.params
    const job = await request.api.get<Progress>(`/api/v2/jobs/${jobId}`)
    // Of the page's script.
    if (request.headers.accept === 'application/json') return reply.type('application/json').send(progressOf(t, job))
    const own = jobPath(jobId)
    return render(request, {
      title: t('action.reset_all'),
      isWide: true,
      body: html`!${backLink(path, t('subject.job.back'))}
<div!${job.state === 'running' ? ' data-progress' : ''}>
!${facts(jobFacts(t, job))}
</div>
!${
        job.state === 'running'
          ? html`<p><a class="button" href="${own}">${t('job.refresh')}</a></p>
<p><a class="button second danger" href="${own}/cancel">${t('act.cancel.link')}</a></p>`
          : ''
      }`,
    })
  })
}
