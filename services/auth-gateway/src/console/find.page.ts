import { type Approval, type Client, errors, RekeyError } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { csrfField, field } from '../layout/form.ts'
import { approvalEntry } from './approval-entry.ts'
import { type Desk, form, page } from './console-scope.ts'
import { statusBadge } from './customer-facts.ts'
import { type Entry, entries } from './elements.ts'
import { consolePath } from './return-path.ts'

const path = `${consolePath}/customers`
/** One address belongs to few customers. */
const mostShown = 20
const mostWaiting = 5

interface Waiting {
  total: number
  data: Approval[]
}

interface Search {
  who?: string
  problem?: string
  waiting?: Waiting
}

const Find = Type.Object({ who: Type.String({ maxLength: 254 }) })
const Found = Type.Object({
  ids: Type.Optional(Type.String({ pattern: `^\\d{1,10}(,\\d{1,10}){0,${mostShown - 1}}$` })),
})

/** The parameter of B10 that a text is: an e-mail address has an @, a phone number digits alone. */
export const readSearch = (text: string): { email: string } | { phone: string } | { customer: string } | undefined => {
  const who = text.trim()
  if (who === '') return undefined
  if (who.includes('@')) return { email: who }
  return /^[+(]|^00|^[\d\s().-]+$/.test(who) ? { phone: who } : { customer: who }
}

/** Finds a customer by an address or the code (B10). The address is in no URL: browsers and proxies keep those. */
export const findPage = (desk: Desk): void => {
  const { app, textsOf, render } = desk

  const waitingSection = (request: FastifyRequest, { total, data }: Waiting) => {
    const t = textsOf(request)
    return html`<section>
<h2>${t('customer.waiting')}</h2>
!${entries(
      data.map((approval) => approvalEntry(t, request.view.language, approval)),
      t('approvals.none'),
    )}
!${total > data.length ? html`<p class="after"><a href="${consolePath}/approvals">${t('find.allWaiting', { count: total })}</a></p>` : ''}
</section>`
  }

  const search = (request: FastifyRequest, { who = '', problem, waiting }: Search) => {
    const t = textsOf(request)
    return render(request, {
      title: t('find.title'),
      isWide: true,
      problems: problem === undefined ? [] : [{ field: 'who', text: problem }],
      body: html`<form method="post" action="${path}" role="search">
!${csrfField(request.view)}
!${field({
        name: 'who',
        label: t('find.label'),
        hint: t('find.hint'),
        problem,
        attributes: html`value="${who}" maxlength="254" autocomplete="off" autocapitalize="none" spellcheck="false"`,
      })}
<button>${t('find.button')}</button>
</form>
!${waiting ? waitingSection(request, waiting) : ''}`,
    })
  }

  app.get(consolePath, { config: page }, async (request) => {
    const query = { limit: mostWaiting }
    const { total, data } = await request.api.get<{ total: number; data: Approval[] }>('/api/v2/approvals', query)
    return search(request, { waiting: { total, data } })
  })

  app.post(path, { schema: { body: Find }, config: form }, async (request, reply) => {
    const t = textsOf(request)
    const { who } = request.body
    const query = readSearch(who)
    if (!query) return reply.code(400).send(search(request, { who, problem: t('find.missing') }))
    try {
      const { data } = await request.api.get<{ data: Client[] }>('/api/v2/clients', query)
      const [first] = data
      if (!first) return reply.code(404).send(search(request, { who, problem: t('find.none') }))
      if (data.length === 1) return reply.redirect(`${path}/${first.id}`, 303)
      return reply.redirect(`${path}?ids=${data.slice(0, mostShown).map(({ id }) => id)}`, 303)
    } catch (error) {
      // Not an address and not a code.
      if (!(error instanceof RekeyError) || error.code !== 'invalid_request') throw error
      return reply.code(errors.invalid_request.status).send(search(request, { who, problem: t('find.malformed') }))
    }
  })

  app.get(path, { schema: { querystring: Found }, config: page }, async (request, reply) => {
    const { ids } = request.query
    if (ids === undefined) return reply.redirect(consolePath, 303)
    const t = textsOf(request)
    const list = ids.split(',').slice(0, mostShown)
    const clients = await Promise.all(list.map((id) => request.api.get<Client>(`/api/v2/clients/${id}`)))
    const entryOf = (client: Client): Entry => ({
      title: html`<a href="${path}/${client.id}">${client.customer}</a>`,
      badge: statusBadge(t, client),
      lines: client.identifiers.map(({ value }) => html`<bdi dir="ltr">${value}</bdi>`),
    })
    const body = entries(clients.map(entryOf), t('find.none'))
    return render(request, { title: t('find.several', { count: clients.length }), isWide: true, body })
  })
}
