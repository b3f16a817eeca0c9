import { type Factor, RekeyError, Uuid } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Turn } from '../layout/page-state.ts'
import type { Page, View } from '../layout/view.ts'
import type { Account } from './account-session.ts'
import type { AccountView } from './account-view.ts'
import { addressOfChange } from './password-change.state.ts'
import type { Security } from './security.service.ts'
import { addressOfSecurity, isProven, type ProvenState, securityPath } from './security.state.ts'
import { securityEndedPage, securityListPage, securityStartPage } from './security.template.ts'
import {
  addedPage,
  appPage,
  codesFile,
  codesPage,
  issuePage,
  namePage,
  passkeyPage,
  removePage,
} from './security-change.template.ts'
import { securityCodePage } from './security-code.template.ts'
import type { AccountStep, SignedIn } from './signed-in.ts'

interface Deps {
  customers: SignedIn
  security: Security
  accountView(request: FastifyRequest): AccountView
  render(view: View, page: Page): string
}

const csrf = Type.String()
const input = Type.String({ maxLength: 4096 })
const forms = {
  step: Type.Object({ csrf, turn: Turn }),
  code: Type.Object({ csrf, turn: Turn, code: input }),
  way: Type.Object({ csrf, turn: Turn, way: Type.String({ maxLength: 300 }) }),
  label: Type.Object({ csrf, turn: Turn, label: input }),
  factor: Type.Object({ csrf, turn: Turn, factor: Uuid }),
  passkey: Type.Object({ csrf, turn: Turn, label: input, code: Type.String({ maxLength: 12_000 }) }),
  confirm: Type.Object({ csrf, turn: Turn, factor: Uuid, code: input }),
  file: Type.Object({ csrf }),
}

/** The page Security of a signed-in customer: the own methods, added and removed after a fresh proof each. */
export const securityRoutes = (app: Server, { customers, security, accountView, render }: Deps): void => {
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }
  const { withFullAccess } = customers

  const send = (request: FastifyRequest, reply: FastifyReply, shown: Page) => reply.send(render(request.view, shown))

  /** The list, with its page; once the proof is refused, for example after its session has ended, the first page. */
  const sendList = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { state, turn }: Account,
    proven: ProvenState,
    pageOf: (account: AccountView, factors: Factor[]) => Page,
  ) => {
    const account = accountView(request)
    try {
      const factors = await security.list(state, proven, { caller: { address: request.ip } })
      return send(request, reply, pageOf(account, factors))
    } catch (error) {
      if (!(error instanceof RekeyError) || error.code !== 'success_token_refused') throw error
      return send(request, reply, securityStartPage(account, turn, { isLate: true }))
    }
  }

  app.get(securityPath, { config: page }, (request, reply) =>
    withFullAccess(request, reply, async ({ state, turn }) => {
      const shown = security.current(state)
      if (isProven(shown)) return reply.redirect(`${securityPath}/list`, 303)
      if (shown?.step === 'code') return reply.redirect(addressOfSecurity(shown), 303)
      const outcome = shown?.step === 'start' ? shown.outcome : undefined
      return send(request, reply, securityStartPage(accountView(request), turn, { outcome }))
    }),
  )

  const params = Type.Object({ step: Type.String() })
  app.get(`${securityPath}/:step`, { schema: { params }, config: page }, (request, reply) =>
    withFullAccess(request, reply, async (signedIn) => {
      const { state, turn } = signedIn
      const { step } = request.params
      const shown = security.current(state)
      // The list is left by a link and returned to by another: neither changes the state.
      if (step === 'list' && isProven(shown)) {
        return sendList(request, reply, signedIn, shown, (account, factors) =>
          securityListPage(account, turn, state, shown, factors),
        )
      }
      if (shown?.step !== step || shown.step === 'start') return reply.redirect(addressOfSecurity(shown), 303)
      const account = accountView(request)
      switch (shown.step) {
        case 'code':
          return send(request, reply, securityCodePage(account, turn, shown))
        case 'name':
          return send(request, reply, namePage(account, turn, shown))
        case 'passkey':
          return send(request, reply, passkeyPage(account, turn, shown))
        case 'app':
          return send(request, reply, appPage(account, turn, shown))
        case 'added':
          return sendList(request, reply, signedIn, shown, (account, factors) =>
            addedPage(account, turn, shown, factors),
          )
        case 'issue':
          return send(request, reply, issuePage(account, turn, shown))
        case 'codes':
          return send(request, reply, codesPage(account, turn, shown))
        case 'remove':
          return send(request, reply, removePage(account, turn, shown))
        case 'ended':
          return send(request, reply, securityEndedPage(account, shown))
        default:
          throw new RekeyError('not_found')
      }
    }),
  )

  /** Takes a step once a press. A customer who must change the password has none of these pages. */
  const take = (
    request: FastifyRequest & { body: { turn: string } },
    reply: FastifyReply,
    { action, input }: { action: string; input?: string },
    step: AccountStep,
  ) =>
    customers.take(
      request,
      reply,
      { turn: request.body.turn, action: `security ${action}`, ...(input !== undefined && { input }) },
      async (state, changer) => (state.mustChange ? state : step(state, changer)),
      (state) => (state.mustChange ? addressOfChange(state.change) : addressOfSecurity(security.current(state))),
    )

  app.post(securityPath, { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { action: 'open' }, security.open),
  )

  app.post(`${securityPath}/resend`, { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { action: 'resend' }, security.resend),
  )

  app.post(`${securityPath}/way`, { schema: { body: forms.way }, config }, (request, reply) => {
    const { way } = request.body
    return take(request, reply, { action: 'way', input: way }, (state) => security.choose(state, way))
  })

  app.post(`${securityPath}/other`, { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { action: 'other' }, (state) => security.choose(state, undefined)),
  )

  app.post(`${securityPath}/code`, { schema: { body: forms.code }, config }, (request, reply) => {
    const { code } = request.body
    return take(request, reply, { action: 'code', input: code }, (state, changer) =>
      security.answer(state, code, changer),
    )
  })

  for (const act of ['add', 'passkey', 'issue'] as const) {
    app.post(`${securityPath}/${act}`, { schema: { body: forms.step }, config }, (request, reply) =>
      take(request, reply, { action: act }, (state, changer) => security.want(state, act, changer)),
    )
  }

  app.post(`${securityPath}/name`, { schema: { body: forms.label }, config }, (request, reply) => {
    const { label } = request.body
    return take(request, reply, { action: 'name', input: label }, security.name(label))
  })

  app.post(`${securityPath}/new-passkey`, { schema: { body: forms.passkey }, config }, (request, reply) => {
    const { label, code } = request.body
    const press = { action: 'new passkey', input: JSON.stringify([label, code]) }
    return take(request, reply, press, security.enrolPasskey(label, code))
  })

  app.post(`${securityPath}/app`, { schema: { body: forms.confirm }, config }, (request, reply) => {
    const { factor, code } = request.body
    const press = { action: 'app', input: JSON.stringify([factor, code]) }
    return take(request, reply, press, security.confirm(factor, code))
  })

  app.post(`${securityPath}/codes`, { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { action: 'codes' }, security.issue),
  )

  // A POST, so that no link and no prefetch gets the codes. It changes nothing: the codes are on the page.
  app.post(`${securityPath}/codes-file`, { schema: { body: forms.file }, config }, (request, reply) =>
    withFullAccess(request, reply, async ({ state }) => {
      const shown = security.current(state)
      if (shown?.step !== 'codes') return reply.redirect(addressOfSecurity(shown), 303)
      return reply
        .type('text/plain; charset=utf-8')
        .header('content-disposition', 'attachment; filename="recovery-codes.txt"')
        .send(codesFile(accountView(request), shown))
    }),
  )

  app.post(`${securityPath}/codes-saved`, { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { action: 'codes saved' }, security.hideCodes),
  )

  app.post(`${securityPath}/removal`, { schema: { body: forms.factor }, config }, (request, reply) => {
    const { factor } = request.body
    return take(request, reply, { action: 'removal', input: factor }, (state, changer) =>
      security.wantRemoval(state, factor, changer),
    )
  })

  app.post(`${securityPath}/remove`, { schema: { body: forms.factor }, config }, (request, reply) => {
    const { factor } = request.body
    return take(request, reply, { action: 'remove', input: factor }, security.remove(factor))
  })
}
