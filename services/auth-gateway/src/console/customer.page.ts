import type { Client, ClientRecord, FactorList, Message, WaitingRestore } from '@rekey/contracts'
import { html } from 'ghtml'
import { type ActName, acts, actsOfCustomer, actsOfRestore } from './acts.ts'
import { approvalEntry, pendingOf } from './approval-entry.ts'
import { type Desk, page } from './console-scope.ts'
import { addressFacts, factorFact, stateFacts } from './customer-facts.ts'
import { entries, facts } from './elements.ts'
import { recordEntry } from './history.page.ts'
import { messageEntry } from './messages.page.ts'
import { OneCustomer } from './parameters.ts'
import { consolePath } from './return-path.ts'
import { verificationFact, verificationOf, verifyPath } from './verification.ts'
import { isOpenRestore, lastRestoreOf, restoreFacts } from './waiting-restore.ts'

/** Records and messages on the customer's own page; the rest is on theirs. */
const mostShown = 3

/** One customer: state, addresses, the last waiting restore, what waits for a second person, the newest messages and records, and what can be done. */
export const customerPage = ({ app, textsOf, render }: Desk): void => {
  app.get(`${consolePath}/customers/:clientId`, { schema: { params: OneCustomer }, config: page }, async (request) => {
    const t = textsOf(request)
    const { language } = request.view
    const { clientId } = request.params
    const base = `/api/v2/clients/${clientId}`
    const [client, messages, records, factors, verification, waiting, restore] = await Promise.all([
      request.api.get<Client>(base),
      request.api.get<{ data: Message[] }>(`${base}/messages`, { limit: mostShown }),
      request.api.get<{ data: ClientRecord[] }>(`${base}/records`, { limit: mostShown }),
      request.api.get<FactorList>(`${base}/factors`),
      verificationOf(request.api, clientId),
      pendingOf(request.api, { clientId }),
      lastRestoreOf(request.api, clientId),
    ])
    const path = `${consolePath}/customers/${clientId}`
    const section = (title: string, content: string, link?: [path: string, text: string]) => html`<section>
<h2>${title}</h2>
!${content}
!${link ? html`<p class="after"><a href="${link[0]}">${link[1]}</a></p>` : ''}
</section>`
    const button = (name: ActName) =>
      html`<a class="button second!${acts[name].isDangerous ? ' danger' : ''}" href="${path}/${name}">${t(`act.${name}.link`)}</a>`
    const links = actsOfCustomer(client, factors).map((name) => html`<li>!${button(name)}</li>`)
    const restoreSection = (found: WaitingRestore) =>
      section(
        t('restore.heading'),
        html`!${isOpenRestore(found) ? html`<p>${t('restore.text')}</p>` : ''}
!${facts(restoreFacts(t, language, found))}
!${actsOfRestore(found.state)
          .map((name) => html`<p>!${button(name)}</p>`)
          .join('\n')}`,
      )
    return render(request, {
      title: t('customer.title', { customer: client.customer }),
      isWide: true,
      body: html`<div class="desk-columns">
<div class="state">
!${facts([
        verification && verificationFact(t, language, verification),
        ...addressFacts(t, language, client),
        factorFact(t, language, factors),
        ...stateFacts(t, language, client),
      ])}
</div>
<div class="acts">
<h2>${t('customer.acts')}</h2>
<ul>
!${verification ? html`<li><a class="button${verification.verifiedUntil === undefined ? '' : ' second'}" href="${verifyPath(clientId)}">${t('verify.link')}</a></li>` : ''}
!${links.join('\n')}
<li><a class="button second" href="${path}/sessions">${t('sessions.link')}</a></li>
</ul>
</div>
<div class="more">
!${restore ? restoreSection(restore) : ''}
!${
        waiting.length > 0
          ? section(
              t('customer.waiting'),
              entries(
                waiting.map((one) => approvalEntry(t, language, one)),
                '',
              ),
            )
          : ''
      }
!${section(
        t('messages.heading'),
        entries(
          messages.data.map((one) => messageEntry(t, language, one)),
          t('messages.none'),
        ),
        [`${path}/messages`, t('messages.all')],
      )}
!${section(
        t('history.heading'),
        entries(
          records.data.map((one) => recordEntry(t, language, one)),
          t('history.none'),
        ),
        [`${path}/history`, t('history.all')],
      )}
</div>
</div>`,
    })
  })
}
