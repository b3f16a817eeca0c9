import { ClientId, errors, pkce, RedirectUri, RekeyError, State } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import type { Random } from '@rekey/platform/random'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../challenges/challenge.ts'
import { strengthText } from '../layout/form.ts'
import { pageHeaders } from '../layout/page-scope.ts'
import { firstTurn, newStateId, type PageStates, type Press, StateId, Turn } from '../layout/page-state.ts'
import type { Page, Problem, View } from '../layout/view.ts'
import type { HostedRestore } from './hosted-restore.service.ts'
import type { RestoreState } from './hosted-restore.state.ts'
import { type RestoreFacts, startPage, statePage, unknownPage } from './hosted-restore.template.ts'
import { waitText } from './outcome-texts.ts'
import { type ReturnClients, returnFaultPage } from './return-to.ts'
import { toUsername } from './username-input.ts'

export interface HostedRestoreDeps {
  hostedRestore: HostedRestore
  states: PageStates<RestoreState>
  clients: ReturnClients
  facts: RestoreFacts
  random: Random
  now: () => Date
  render(view: View, page: Page): string
}

/** Free text: the step validates the customer's input, and says what is wrong. The schemas refuse changed hidden fields. */
const input = Type.String({ maxLength: 4096 })
const csrf = Type.String()
const client = {
  client_id: Type.Optional(ClientId),
  redirect_uri: Type.Optional(RedirectUri),
  state: Type.Optional(State),
  code_challenge: pkce.code_challenge,
}
const forms = {
  begin: Type.Object({ csrf, flow: StateId, username: input, ...client }),
  step: Type.Object({ csrf, turn: Turn }),
  code: Type.Object({ csrf, turn: Turn, code: input }),
  password: Type.Object({ csrf, turn: Turn, password: input }),
  way: Type.Object({ csrf, turn: Turn, way: Type.String({ maxLength: 300 }) }),
}
const params = Type.Object({ flow: StateId })

type ClientFields = { client_id?: string; redirect_uri?: string; state?: string; code_challenge?: string }
const clientFields = ({ client_id, redirect_uri, state, code_challenge }: ClientFields): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ client_id, redirect_uri, state, code_challenge }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )

/** The origin, or the scheme of an app, that the form of a state may redirect to; undefined for our own alone. */
const formTargetOf = ({ step, returnTo }: RestoreState): string | undefined => {
  if (step !== 'code' || returnTo?.codeChallenge === undefined) return undefined
  const { origin, protocol } = new URL(returnTo.redirectUri)
  return origin === 'null' ? protocol : origin
}

/** The first page with the client's parameters: where a form that was refused continues. */
const startAddress = (fields: Record<string, string>): string => {
  const query = `${new URLSearchParams(fields)}`
  return query ? `/restore?${query}` : '/restore'
}

/** The hosted restore: each step has an address, and each form leads to one (303, RFC 9110 §15.4.4). */
export const hostedRestoreRoutes = (app: Server, deps: HostedRestoreDeps): void => {
  const { hostedRestore, states, clients, facts, random, now, render } = deps
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }

  const referenceOf = (request: FastifyRequest, flow: string) => ({ id: flow, secret: request.browser.value })
  const addressOf = (flow: string, { step }: RestoreState) => `/restore/${flow}/${step}`

  /** Where a form leads: at the end of an authorization request to the client (A7). */
  const nextOf = (flow: string, state: RestoreState) =>
    state.step === 'returned' ? state.location : addressOf(flow, state)

  app.get('/restore', { schema: { querystring: Type.Object(client) }, config: page }, async (request, reply) => {
    const fault = clients.faultOf(request.query)
    if (fault) return reply.code(400).send(render(request.view, returnFaultPage(request.view, fault)))
    const fields = { flow: newStateId(random), ...clientFields(request.query) }
    return reply.send(render(request.view, startPage(request.view, { fields })))
  })

  app.post('/restore', { schema: { body: forms.begin }, config }, async (request, reply) => {
    const { body, ip } = request
    const { flow, username: typed } = body
    const fault = clients.faultOf(body)
    if (fault) return reply.code(400).send(render(request.view, returnFaultPage(request.view, fault)))
    const view = { ...request.view, address: startAddress(clientFields(body)) }
    const again = (error: RekeyError, problem: Problem) => {
      const noted = noteError(error, reply)
      reply.code(errors[noted.code].status).headers(waitHeaders(noted))
      return reply.send(
        render(view, startPage(view, { fields: { flow, ...clientFields(body) }, input: typed, problem })),
      )
    }
    const username = toUsername(typed)
    if (username === undefined) {
      return again(new RekeyError('invalid_request'), { field: 'username', text: view.t('start.malformed') })
    }
    const begun = { username, ...clients.chosen(body) }
    const press = { turn: firstTurn, action: 'begin', input: JSON.stringify(begun) }
    try {
      const stored = await states.once(referenceOf(request, flow), press, () =>
        hostedRestore.begin(begun, { address: ip }),
      )
      return reply.redirect(stored ? addressOf(flow, stored.state) : '/restore', 303)
    } catch (error) {
      if (!(error instanceof RekeyError)) throw error
      const { code, retryAfterSeconds = 60 } = error
      if (code === 'too_many_requests') {
        return again(error, { text: view.t('tooOften', { wait: waitText(view, retryAfterSeconds) }) })
      }
      if (code === 'unavailable') return again(error, { text: view.t('unavailable') })
      throw error
    }
  })

  const unknown = (request: FastifyRequest, reply: FastifyReply) =>
    reply.code(404).send(render(request.view, unknownPage(request.view)))

  app.get(
    '/restore/:flow/:step',
    { schema: { params: Type.Object({ flow: StateId, step: Type.String() }) }, config: page },
    async (request, reply) => {
      const { flow, step } = request.params
      const stored = await states.read(referenceOf(request, flow))
      if (!stored) return unknown(request, reply)
      const state = hostedRestore.current(stored.state)
      if (state.step !== step) return reply.redirect(addressOf(flow, state), 303)
      const { view } = request
      const { turn } = stored
      const formTarget = formTargetOf(state)
      if (formTarget !== undefined) reply.headers(pageHeaders({ formTarget }))
      return reply.send(render(view, statePage({ view, facts, path: `/restore/${flow}`, turn, now: now() }, state)))
    },
  )

  type Step = (state: RestoreState, input: string, caller: Caller) => Promise<RestoreState>

  /** Takes a step once a press, and leads to the step that follows. */
  const take = async (request: FastifyRequest, reply: FastifyReply, press: Press, step: Step) => {
    const { flow } = request.params as { flow: string }
    const { input = '' } = press
    let isKnown = true
    try {
      const stored = await states.once(referenceOf(request, flow), press, async (state) => {
        isKnown = state !== undefined
        if (!state) throw new RekeyError('not_found')
        return step(hostedRestore.current(state), input, { address: request.ip })
      })
      return stored ? reply.redirect(nextOf(flow, stored.state), 303) : unknown(request, reply)
    } catch (error) {
      if (isKnown) throw error
      return unknown(request, reply)
    }
  }

  app.post('/restore/:flow/resend', { schema: { params, body: forms.step }, config }, (request, reply) => {
    const { turn } = request.body
    return take(request, reply, { turn, action: 'resend' }, (state, _, caller) => hostedRestore.resend(state, caller))
  })

  app.post('/restore/:flow/code', { schema: { params, body: forms.code }, config }, (request, reply) => {
    const { turn, code } = request.body
    return take(request, reply, { turn, action: 'code', input: code }, hostedRestore.answer)
  })

  app.post('/restore/:flow/password', { schema: { params, body: forms.password }, config }, (request, reply) => {
    const { turn, password } = request.body
    return take(request, reply, { turn, action: 'password', input: password }, hostedRestore.finish)
  })

  app.post('/restore/:flow/proof', { schema: { params, body: forms.way }, config }, (request, reply) => {
    const { turn, way } = request.body
    return take(request, reply, { turn, action: 'proof', input: way }, hostedRestore.chooseProof)
  })

  app.post('/restore/:flow/proof-other', { schema: { params, body: forms.step }, config }, (request, reply) => {
    const { turn } = request.body
    return take(request, reply, { turn, action: 'proof-other' }, hostedRestore.chooseProofAgain)
  })

  app.post('/restore/:flow/proof-code', { schema: { params, body: forms.code }, config }, (request, reply) => {
    const { turn, code } = request.body
    return take(request, reply, { turn, action: 'proof-code', input: code }, hostedRestore.answerProof)
  })

  // The script asks while the customer types, and gets JSON. Without the script a button of the page asks.
  app.post('/restore/:flow/strength', { schema: { params, body: forms.password }, config }, async (request, reply) => {
    const { body, params, view, ip, headers } = request
    const { turn, password } = body
    if (headers.accept !== 'application/json') {
      return take(request, reply, { turn, action: 'strength', input: password }, hostedRestore.testStrength)
    }
    const stored = await states.read(referenceOf(request, params.flow))
    if (!stored) return unknown(request, reply)
    const { strength: score } = await hostedRestore.testStrength(stored.state, password, { address: ip })
    return reply.type('application/json').send({ score, text: score === undefined ? '' : strengthText(view, score) })
  })
}
