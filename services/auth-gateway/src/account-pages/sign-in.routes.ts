import { OneOf, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../challenges/challenge.ts'
import { firstTurn, newStateId, type PageStates, type Press, StateId, Turn } from '../layout/page-state.ts'
import type { Page, View } from '../layout/view.ts'
import type { AccountSessions } from './account-session.ts'
import type { AccountView } from './account-view.ts'
import type { SignIn, SignInState } from './sign-in.service.ts'
import { type SignInNext, signInPage, signInStatePage, signInTargets, unknownSignInPage } from './sign-in.template.ts'

/** A sign-in, with where it leads. */
export type KeptSignIn = SignInState & { next?: SignInNext }

interface Deps {
  signIn: SignIn
  states: PageStates<KeptSignIn>
  accounts: AccountSessions
  accountView(request: FastifyRequest): AccountView
  render(view: View, page: Page): string
  random: Random
  now: Now
}

/** How long an equal press gets the cookie again: its first answer may have been lost. */
const repeatMs = 60_000

const input = Type.String({ maxLength: 4096 })
const csrf = Type.String()
const next = Type.Optional(OneOf(signInTargets))
const forms = {
  begin: Type.Object({ csrf, flow: StateId, turn: Turn, next, username: input, password: input }),
  device: Type.Object({ csrf, turn: Turn, device: Type.String({ maxLength: 300 }) }),
  step: Type.Object({ csrf, turn: Turn }),
  code: Type.Object({ csrf, turn: Turn, code: input }),
}
const params = Type.Object({ flow: StateId })

/** Where the sign-in leads: to the page of the account, or to one below it. */
const addressAfter = (next: SignInNext): string => (next === undefined ? '/account' : `/account/${next}`)

const addressOf = (flow: string, { step, next }: KeptSignIn): string =>
  step === 'done' ? addressAfter(next) : `/account/sign-in/${flow}/${step}`

/** The sign-in of the account pages: each step has an address, and each form leads to one. */
export const signInRoutes = (app: Server, deps: Deps): void => {
  const { signIn, states, accounts, accountView, render, random, now } = deps
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }
  const referenceOf = (request: FastifyRequest, flow: string) => ({ id: flow, secret: request.browser.value })

  const unknown = (request: FastifyRequest, reply: FastifyReply) =>
    reply.code(404).send(render(request.view, unknownSignInPage(request.view, accountView(request))))

  app.get(
    '/account/sign-in',
    {
      schema: {
        querystring: Type.Object({ reason: Type.Optional(Type.String()), next: Type.Optional(Type.String()) }),
      },
      config: page,
    },
    async (request, reply) => {
      const account = await accounts.open(request)
      const next = signInTargets.find((target) => target === request.query.next)
      if (account && !account.state.mustChange) return reply.redirect(addressAfter(next), 303)
      const reason = request.query.reason === 'ended' ? ('ended' as const) : undefined
      const start = { flow: newStateId(random), turn: firstTurn, reason, next }
      return reply.send(render(request.view, signInPage(accountView(request), start)))
    },
  )

  app.get(
    '/account/sign-in/:flow/:step',
    { schema: { params: Type.Object({ flow: StateId, step: Type.String() }) }, config: page },
    async (request, reply) => {
      const { flow, step } = request.params
      const stored = await states.read(referenceOf(request, flow))
      if (!stored) return unknown(request, reply)
      const state: KeptSignIn = signIn.current(stored.state)
      if (state.step !== step || state.step === 'done') return reply.redirect(addressOf(flow, state), 303)
      const place = { flow, turn: stored.turn, next: stored.state.next }
      return reply.send(render(request.view, signInStatePage(accountView(request), place, state)))
    },
  )

  type Step = (state: SignInState | undefined, caller: Caller) => Promise<SignInState>

  /** Takes a step once a press. The press that signed the customer in gets the cookie, also if it is repeated. */
  const take = async (
    request: FastifyRequest,
    reply: FastifyReply,
    flow: string,
    press: Press,
    step: Step,
    begunFor?: SignInNext,
  ) => {
    let wasDone = false
    let isUnknown = false
    const stored = await states
      .once(referenceOf(request, flow), press, async (state) => {
        isUnknown = state === undefined && press.action !== 'begin'
        if (isUnknown) throw new RekeyError('not_found')
        // Another press: whoever planted this browser's cookie gets no session (ASVS 7.2.4).
        wasDone = state?.step === 'done'
        if (wasDone && state) return state
        const after = await step(state && signIn.current(state), { address: request.ip })
        return after === state ? state : { ...after, next: state?.next ?? begunFor }
      })
      .catch((error) => {
        if (isUnknown) return undefined
        throw error
      })
    if (!stored) return unknown(request, reply)
    const { state } = stored
    if (state.step === 'done' && !wasDone && now().getTime() < state.doneAt + repeatMs) {
      reply.header('set-cookie', accounts.cookieOf(state.account))
    }
    return reply.redirect(addressOf(flow, state), 303)
  }

  app.post('/account/sign-in', { schema: { body: forms.begin }, config }, (request, reply) => {
    const { flow, turn, next, username, password } = request.body
    const press = { turn, action: 'begin', input: JSON.stringify([username, password]) }
    const step: Step = async (state, caller) =>
      state === undefined || state.step === 'password' ? signIn.begin(username, password, caller) : state
    return take(request, reply, flow, press, step, next)
  })

  app.post('/account/sign-in/:flow/device', { schema: { params, body: forms.device }, config }, (request, reply) => {
    const { turn, device } = request.body
    const press = { turn, action: 'device', input: device }
    return take(request, reply, request.params.flow, press, async (state, caller) =>
      state?.step === 'device' ? signIn.choose(state, device, caller) : (state as SignInState),
    )
  })

  app.post('/account/sign-in/:flow/other', { schema: { params, body: forms.step }, config }, (request, reply) =>
    take(request, reply, request.params.flow, { turn: request.body.turn, action: 'other' }, (state) =>
      signIn.chooseAgain(state as SignInState),
    ),
  )

  app.post('/account/sign-in/:flow/resend', { schema: { params, body: forms.step }, config }, (request, reply) =>
    take(request, reply, request.params.flow, { turn: request.body.turn, action: 'resend' }, (state, caller) =>
      signIn.resend(state as SignInState, caller),
    ),
  )

  app.post('/account/sign-in/:flow/code', { schema: { params, body: forms.code }, config }, (request, reply) => {
    const { turn, code } = request.body
    return take(request, reply, request.params.flow, { turn, action: 'code', input: code }, (state, caller) =>
      signIn.answer(state as SignInState, code, caller),
    )
  })
}
