import type { Client, ClientRecord } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import { type Desk, page } from './console-scope.ts'
import { backLink, type Entry, entries, pager, pageSize, timeOf } from './elements.ts'
import { Offset, OneCustomer } from './parameters.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

/** One record of a customer: what was done, when, by whom, and why. */
export const recordEntry = (t: StaffTexts, language: PageLanguage, record: ClientRecord): Entry => {
  const { operation, createTime, actor, actorId, approvedBy, reason, channel, ip, holdUntil } = record
  const by =
    actor === 'client'
      ? t('record.byCustomer')
      : approvedBy === undefined
        ? t('record.byStaff', { name: actorId })
        : t('record.byTwo', { name: actorId, approver: approvedBy })
  return {
    title: html`${t(`record.${operation}`)}`,
    lines: [
      html`!${timeOf(language, createTime)} · ${by}`,
      ...(reason === undefined ? [] : [html`${t('record.reason')} <q>${reason}</q>`]),
      ...(holdUntil === undefined ? [] : [html`${t('record.holdUntil')} !${timeOf(language, holdUntil)}`]),
      html`<span class="quiet">${t('record.number', { id: record.id })} · ${t('record.from')} <bdi>${ip}</bdi>!${channel === 'api' ? '' : html` · ${t(`restore.method.${channel as 'email' | 'sms'}`)}`}</span>`,
    ],
  }
}

/** All records of a customer (B8). */
export const historyPage = ({ app, textsOf, render }: Desk): void => {
  const path = `${consolePath}/customers/:clientId/history`
  app.get(path, { schema: { params: OneCustomer, querystring: Offset }, config: page }, async (request) => {
    const t = textsOf(request)
    const { clientId } = request.params
    const { offset } = request.query
    const base = `/api/v2/clients/${clientId}`
    const [client, { total, data }] = await Promise.all([
      request.api.get<Client>(base),
      request.api.get<{ total: number; data: ClientRecord[] }>(`${base}/records`, { limit: pageSize, offset }),
    ])
    const home = `${consolePath}/customers/${clientId}`
    return render(request, {
      title: t('history.title', { customer: client.customer }),
      isWide: true,
      body: html`!${backLink(home, t('customer.back'))}
!${entries(
        data.map((record) => recordEntry(t, request.view.language, record)),
        t('history.none'),
      )}
!${pager({ t, path: `${home}/history`, offset, total })}`,
    })
  })
}
