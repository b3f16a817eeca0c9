import type { Client, ClientSession } from '@rekey/contracts'
import { html } from 'ghtml'
import { type Desk, page } from './console-scope.ts'
import { backLink, type Entry, entries, timeOf } from './elements.ts'
import { OneCustomer } from './parameters.ts'
import { consolePath } from './return-path.ts'

/** The sessions of a customer (B12). */
export const sessionsPage = ({ app, textsOf, render }: Desk): void => {
  const path = `${consolePath}/customers/:clientId/sessions`
  app.get(path, { schema: { params: OneCustomer }, config: page }, async (request) => {
    const t = textsOf(request)
    const { language } = request.view
    const { clientId } = request.params
    const base = `/api/v2/clients/${clientId}`
    const [client, { total, data }] = await Promise.all([
      request.api.get<Client>(base),
      request.api.get<{ total: number; data: ClientSession[] }>(`${base}/sessions`),
    ])
    const home = `${consolePath}/customers/${clientId}`
    const entryOf = (session: ClientSession): Entry => ({
      title: html`${session.client}`,
      lines: [
        html`${t('session.began')} !${timeOf(language, session.createdAt)} · ${t('session.used')} !${timeOf(language, session.lastUsedAt)}`,
        html`<span class="quiet">${t('record.from')} <bdi>${session.ip}</bdi></span>`,
      ],
    })
    return render(request, {
      title: t('sessions.title', { customer: client.customer }),
      isWide: true,
      body: html`!${backLink(home, t('customer.back'))}
!${entries(data.map(entryOf), t('sessions.none'))}
!${total > data.length ? html`<p class="quiet">${t('sessions.more', { count: total - data.length })}</p>` : ''}
!${total > 0 ? html`<p><a class="button second danger" href="${home}/end-sessions">${t('act.end-sessions.link')}</a></p>` : ''}`,
    })
  })
}
