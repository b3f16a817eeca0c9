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
import type { Account, AccountSessions, AccountState } from './account-session.ts'
import type { AccountView } from './account-view.ts'
import type { Changer, PasswordChange } from './password-change.service.ts'
import type { ChangeState } from './password-change.state.ts'
import { changePage } from './password-change.template.ts'
import type { PasswordServiceClient } from './password-service.ts'
import { signedOutPage } from './sign-in.template.ts'

interface Deps {
  accounts: AccountSessions
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

/** Where a change goes on. */
const addressOfChange = (change: ChangeState | undefined): string =>
  change === undefined || change.step === 'start' ? '/account/password' : `/account/password/${change.step}`

/** The pages of a signed-in customer. Without a sign-in each leads to it. */
export const accountRoutes = (app: Server, deps: Deps): void => {
  const { accounts, change, sessions, passwords, accountView, render, clientId, now } = deps
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }

  const toSignIn = (request: FastifyRequest, reply: FastifyReply) => {
    const query = new URLSearchParams({
      ...(accounts.wasOpen(request) && { reason: 'ended' }),
      ...(request.url.startsWith('/account/password') && { next: 'password' }),
    })
    const address = `/account/sign-in${query.size > 0 ? `?${query}` : ''}`
    return reply.header('set-cookie', accounts.endedCookie()).redirect(address, 303)
  }

  type Work = (account: Account) => Promise<unknown>

  /** Runs the work for a signed-in customer; whose session has ended meanwhile is led to the sign-in. */
  const signedIn = async (request: FastifyRequest, reply: FastifyReply, work: Work) => {
    try {
      const account = await accounts.open(request)
      return account ? await work(account) : toSignIn(request, reply)
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'invalid_token') return toSignIn(request, reply)
      throw error
    }
  }

  /** As `signedIn`, for pages that a customer who must change the password does not get. */
  const withFullAccess = (request: FastifyRequest, reply: FastifyReply, work: Work) =>
    signedIn(request, reply, async (account) =>
      account.state.mustChange ? reply.redirect(addressOfChange(change.current(account.state)), 303) : work(account),
    )

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

  /** Takes a step once a press, and leads to the address that follows. */
  const take = (
    request: FastifyRequest,
    reply: FastifyReply,
    press: Press,
    step: (state: AccountState, changer: Changer) => Promise<AccountState>,
    next: (state: AccountState) => string = (state) => addressOfChange(change.current(state)),
  ) =>
    signedIn(request, reply, async (account) => {
      const changer = { claims: account.claims, caller: { address: request.ip } }
      const state = await accounts.take(account, press, (state) => step(state, changer))
      return reply.redirect(next(state), 303)
    })

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
