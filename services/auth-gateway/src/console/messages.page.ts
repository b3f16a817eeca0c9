import { type Client, type Message, type Suppression, suppressions } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import { type Desk, page } from './console-scope.ts'
import { backLink, badge, type Entry, entries, pager, pageSize, paragraph, timeOf } from './elements.ts'
import { Offset, OneCustomer } from './parameters.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

const kinds = {
  waiting: 'open',
  deferred: 'open',
  handed_over: 'good',
  refused: 'bad',
  suppressed: 'bad',
  expired: 'bad',
  bounced: 'bad',
} as const

const isSuppression = (reason: string | undefined): reason is Suppression =>
  (suppressions as readonly (string | undefined)[]).includes(reason)

const adviceOf = (t: StaffTexts, { status, reason, channel }: Message): string => {
  if (status === 'suppressed' && isSuppression(reason)) return t(`suppressed.${reason}`)
  return status === 'handed_over' && channel === 'sms' ? t('message.handed_over.sms') : t(`message.${status}.advice`)
}

/** One message: what it was, what became of it, and what the help desk can tell the customer. */
export const messageEntry = (t: StaffTexts, language: PageLanguage, message: Message): Entry => {
  const { kind, purpose, channel, to, askedAt, handedOverAt, status, reason, attempts } = message
  const advice = adviceOf(t, message)
  const answer = status !== 'suppressed' && reason !== undefined ? reason : undefined
  return {
    title: html`${t(`message.kind.${kind}`)}: ${t(`message.purpose.${purpose}`)}`,
    badge: badge(t(`message.${status}`), kinds[status]),
    lines: [
      html`${t(`channel.${channel}`)} <bdi dir="ltr">${to}</bdi> · ${t('message.asked')} !${timeOf(language, askedAt)}!${
        handedOverAt === undefined ? '' : html` · ${t('message.handedOver')} !${timeOf(language, handedOverAt)}`
      }`,
      html`${advice}`,
      ...(answer === undefined
        ? []
        : [html`<span class="quiet">${t('message.answer')} <q dir="ltr">${answer}</q></span>`]),
      ...(attempts > 1 ? [html`<span class="quiet">${t('message.attempts', { count: attempts })}</span>`] : []),
    ],
  }
}

/** The messages of a customer, and what became of each (B13). */
export const messagesPage = ({ app, textsOf, render }: Desk): void => {
  const path = `${consolePath}/customers/:clientId/messages`
  app.get(path, { schema: { params: OneCustomer, querystring: Offset }, config: page }, async (request) => {
    const t = textsOf(request)
    const { clientId } = request.params
    const { offset } = request.query
    const base = `/api/v2/clients/${clientId}`
    const [client, { total, data }] = await Promise.all([
      request.api.get<Client>(base),
      request.api.get<{ total: number; data: Message[] }>(`${base}/messages`, { limit: pageSize, offset }),
    ])
    const home = `${consolePath}/customers/${clientId}`
    return render(request, {
      title: t('messages.title', { customer: client.customer }),
      isWide: true,
      body: html`!${backLink(home, t('customer.back'))}
!${paragraph(t('messages.text'))}
!${entries(
        data.map((message) => messageEntry(t, request.view.language, message)),
        t('messages.none'),
      )}
!${pager({ t, path: `${home}/messages`, offset, total })}`,
    })
  })
}
