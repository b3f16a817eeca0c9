import { RekeyError, Uuid } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { strengthText } from '../layout/form.ts'
import { type Press, Turn } from '../layout/page-state.ts'
import type { Page, View } from '../layout/view.ts'
import type { SessionList } from '../sessions/session-list.ts'
import { historyPage, homePage, sessionsPage } from './account.template.ts'
import type { AccountSessions, AccountState } from './account-session.ts'
import type { AccountView } from './account-view.ts'
import type { PasswordChange } from './password-change.service.ts'
import { addressOfChange } from './password-change.state.ts'
import { changePage } from './password-change.template.ts'
import type { PasswordServiceClient } from './password-service.ts'
import { signedOutPage } from './sign-in.template.ts'
import type { AccountStep, SignedIn } from './signed-in.ts'

interface Deps {
  accounts: AccountSessions
  customers: SignedIn
  change: PasswordChange
  sessions: Pick<SessionList, 'ofCustomer' | 'endOne'>
  passwords: Pick<PasswordServiceClient, 'listChanges' | 'endOtherSessions'>
  accountView(request: FastifyRequest): AccountView
  render(view: View, page: Page): string
  /** The client that customers of these pages sign in with. */
  clientId: string
  now: Now
}

const perPage = 20

const csrf = Type.String()
const input = Type.String({ maxLength: 4096 })
const forms = {
  step: Type.Object({ csrf, turn: Turn }),
  code: Type.Object({ csrf, turn: Turn, code: input }),
  password: Type.Object({ csrf, turn: Turn, current: Type.Optional(input), password: input }),
  strength: Type.Object({ csrf, turn: Type.Optional(Turn), password: input }),
  session: Type.Object({ csrf, turn: Turn, session: Uuid }),
  way: Type.Object({ csrf, turn: Turn, way: Type.String({ maxLength: 300 }) }),
}

/** The pages of a signed-in customer. Without a sign-in each leads to it. */
export const accountRoutes = (app: Server, deps: Deps): void => {
  const { accounts, customers, change, sessions, passwords, accountView, render, clientId, now } = deps
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }

  const { signedIn, withFullAccess } = customers

  app.get('/account', { config: page }, (request, reply) =>
    withFullAccess(request, reply, async ({ state }) =>
      reply.send(render(request.view, homePage(accountView(request), state))),
    ),
  )

  const query = Type.Object({ page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }) })
  app.get('/account/history', { schema: { querystring: query }, config: page }, (request, reply) =>
    withFullAccess(request, reply, async ({ state }) => {
      const number = request.query.page
      const part = { limit: perPage, offset: (number - 1) * perPage }
      const history = await passwords.listChanges(state.accessToken, part, request.ip)
      const shown = { ...history, page: number, perPage }
      return reply.send(render(request.view, historyPage(accountView(request), state, shown)))
    }),
  )

  app.get('/account/sessions', { config: page }, (request, reply) =>
    withFullAccess(request, reply, async ({ state, turn, claims }) => {
      const { data } = await sessions.ofCustomer(claims)
      const endedAt = state.othersEndedAt ?? 0
      const alive = data.filter(({ current, createdAt }) => current || Date.parse(createdAt) > endedAt)
      const shown = { sessions: alive, turn, ownClient: clientId }
      return reply.send(render(request.view, sessionsPage(accountView(request), state, shown)))
    }),
  )

  /** Takes a step, and leads to the address that follows: usually of the change. */
  const take = (
    request: FastifyRequest,
    reply: FastifyReply,
    press: Press,
    step: AccountStep,
    next = (state: AccountState): string => addressOfChange(change.current(state)),
  ) => customers.take(request, reply, press, step, next)

  app.post('/account/sessions/end', { schema: { body: forms.session }, config }, (request, reply) => {
    const { turn, session } = request.body
    return take(
      request,
      reply,
      { turn, action: 'end session', input: session },
      async (state, { claims }) => {
        if (state.mustChange) return state
        await sessions.endOne(claims, session).catch((error) => {
          // It has ended by itself: that is what was asked for.
          if (!(error instanceof RekeyError) || error.code !== 'not_found') throw error
        })
        return { ...state, notice: 'ended' }
      },
      () => '/account/sessions',
    )
  })

  app.post('/account/sessions/end-others', { schema: { body: forms.step }, config }, (request, reply) =>
    take(
      request,
      reply,
      { turn: request.body.turn, action: 'end others' },
      async (state) => {
        if (state.mustChange) return state
        const othersEndedAt = now().getTime()
        await passwords.endOtherSessions(state.accessToken, request.ip)
        return { ...state, notice: 'othersEnded', othersEndedAt }
      },
      () => '/account/sessions',
    ),
  )

  app.post('/account/sign-out', { schema: { body: Type.Object({ csrf }) }, config }, async (request, reply) => {
    const account = await accounts.open(request)
    if (account) await accounts.signOut(account)
    return reply.header('set-cookie', accounts.endedCookie()).redirect('/account/signed-out', 303)
  })

  app.get('/account/signed-out', { config: page }, async (request, reply) =>
    reply.send(render(request.view, signedOutPage(accountView(request)))),
  )

  app.get('/account/*', { config: page }, async () => {
    throw new RekeyError('not_found')
  })

  const showChange = (request: FastifyRequest, reply: FastifyReply, step: string) =>
    signedIn(request, reply, async ({ state, turn }) => {
      const current = change.current(state)
      // The first page begins again after the end of a change.
      const shown = step === 'start' && !state.mustChange && !change.isOpen(current) ? undefined : current
      const address = addressOfChange(shown)
      const isHere = address === (step === 'start' ? '/account/password' : `/account/password/${step}`)
      if (!isHere) return reply.redirect(address, 303)
      const first = step === 'start' && current?.step === 'start' ? current : shown
      return reply.send(render(request.view, changePage(accountView(request), turn, state, first)))
    })

  app.get('/account/password', { config: page }, (request, reply) => showChange(request, reply, 'start'))
  app.get(
    '/account/password/:step',
    { schema: { params: Type.Object({ step: Type.String() }) }, config: page },
    (request, reply) => showChange(request, reply, request.params.step),
  )

  app.post('/account/password', { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { turn: request.body.turn, action: 'begin change' }, change.begin),
  )

  app.post('/account/password/resend', { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { turn: request.body.turn, action: 'resend' }, change.resend),
  )

  app.post('/account/password/code', { schema: { body: forms.code }, config }, (request, reply) => {
    const { turn, code } = request.body
    return take(request, reply, { turn, action: 'code', input: code }, (state, changer) =>
      change.answer(state, code, changer),
    )
  })

  app.post('/account/password/proof', { schema: { body: forms.way }, config }, (request, reply) => {
    const { turn, way } = request.body
    return take(request, reply, { turn, action: 'proof', input: way }, (state, changer) =>
      change.chooseProof(state, way, changer),
    )
  })

  app.post('/account/password/proof-other', { schema: { body: forms.step }, config }, (request, reply) =>
    take(request, reply, { turn: request.body.turn, action: 'proof-other' }, change.chooseProofAgain),
  )

  app.post('/account/password/proof-code', { schema: { body: forms.code }, config }, (request, reply) => {
    const { turn, code } = request.body
    return take(request, reply, { turn, action: 'proof-code', input: code }, (state, changer) =>
      change.answerProof(state, code, changer),
    )
  })

  app.post('/account/password/new', { schema: { body: forms.password }, config }, (request, reply) => {
    const { turn, password, current = '' } = request.body
    const press = { turn, action: 'password', input: JSON.stringify([password, current]) }
    return take(request, reply, press, (state, changer) => change.finish(state, { password, current }, changer))
  })

  // The script asks while the customer types, and gets JSON. Without the script a button of the page asks.
  app.post('/account/password/strength', { schema: { body: forms.strength }, config }, (request, reply) => {
    const { turn = '', password } = request.body
    const { view, headers, ip } = request
    if (headers.accept !== 'application/json') {
      return take(request, reply, { turn, action: 'strength', input: password }, (state, changer) =>
        change.testStrength(state, password, changer),
      )
    }
    return signedIn(request, reply, async ({ state, claims }) => {
      const tested = await change.testStrength(state, password, { claims, caller: { address: ip } })
      const score = tested.change?.step === 'new' ? tested.change.strength : undefined
      const text = score === undefined ? '' : strengthText(view, score)
      return reply.type('application/json').send({ score, text })
    })
  })
}
