import type { Approval } from '@rekey/contracts'
import { html } from 'ghtml'
import { approvalEntry, approvalFacts, approvalPath, nameOfApproval } from './approval-entry.ts'
import { type Desk, page } from './console-scope.ts'
import { backLink, entries, facts, pager, pageSize, paragraph } from './elements.ts'
import { Offset, OneApproval } from './parameters.ts'
import { consolePath } from './return-path.ts'
import { isOwnRequest } from './subject.ts'

const path = `${consolePath}/approvals`

/** What waits for a second person, and one approval (four eyes, S41). */
export const approvalsPage = ({ app, textsOf, render }: Desk): void => {
  app.get(path, { schema: { querystring: Offset }, config: page }, async (request) => {
    const t = textsOf(request)
    const { offset } = request.query
    const query = { limit: pageSize, offset }
    const { total, data } = await request.api.get<{ total: number; data: Approval[] }>('/api/v2/approvals', query)
    return render(request, {
      title: t('approvals.title'),
      isWide: true,
      body: html`!${paragraph(t('approvals.text'))}
!${entries(
        data.map((approval) => approvalEntry(t, request.view.language, approval)),
        t('approvals.none'),
      )}
!${pager({ t, path, offset, total })}`,
    })
  })

  app.get(`${path}/:approvalId`, { schema: { params: OneApproval }, config: page }, async (request) => {
    const t = textsOf(request)
    const approval = await request.api.get<Approval>(`/api/v2/approvals/${request.params.approvalId}`)
    const own = approvalPath(approval.id)
    const choices = html`<p><a class="button" href="${own}/approve">${t('act.approve.link')}</a></p>
<p><a class="button second" href="${own}/reject">${t('act.reject.link')}</a></p>`
    const decision =
      approval.state !== 'pending'
        ? ''
        : isOwnRequest(approval, request.staff)
          ? html`<p class="notice">${t('obstacle.own')}</p>`
          : choices
    return render(request, {
      title: nameOfApproval(t, approval),
      isWide: true,
      body: html`!${backLink(path, t('subject.approval.back'))}
!${facts(approvalFacts(t, request.view.language, approval))}
!${decision}`,
    })
  })
}
