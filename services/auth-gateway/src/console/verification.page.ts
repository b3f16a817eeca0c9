import {
  type BegunVerification,
  type Client,
  errors,
  RekeyError,
  type Verification,
  verificationChannels,
} from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { csrfField, field, hidden } from '../layout/form.ts'
import { firstTurn, newStateId, type PageStates, StateId, Turn } from '../layout/page-state.ts'
import type { Problem } from '../layout/view.ts'
import { referenceOf } from './act.page.ts'
import { type Desk, form, page } from './console-scope.ts'
import { backLink, facts, timeOf } from './elements.ts'
import { OneCustomer } from './parameters.ts'
import { consolePath } from './return-path.ts'
import { channelName, verificationFact, verificationOf, verifyPath } from './verification.ts'
import { isOpenRestore, lastRestoreOf, otherThan } from './waiting-restore.ts'

/** A verification that was begun, until its code is right. The words are kept for the page; the code is in no state. */
export interface BegunState {
  clientId: number
  begun: BegunVerification
  /** Masked address of the message. */
  to: string | undefined
  isVerified: boolean
}

interface Deps {
  states: PageStates<BegunState>
  random: Random
}

const url = `${consolePath}/customers/:clientId/verify`
const OneStep = Type.Object({ ...OneCustomer.properties, step: StateId })
const Begin = Type.Object({
  step: StateId,
  channel: Type.Optional(Type.Union(verificationChannels.map((channel) => Type.Literal(channel)))),
})
const Confirm = Type.Object({ turn: Turn, code: Type.String({ maxLength: 100 }) })

/** Why a code was refused, as the agent can tell the customer; undefined for other errors. */
const problemOf = ({ code, fields = [] }: RekeyError) => {
  if (code === 'invalid_grant') return 'verify.code.wrong'
  if (code === 'access_denied') return 'verify.code.ended'
  if (code === 'too_many_requests') return 'verify.limit'
  if (code === 'unavailable') return 'error.unavailable.todo'
  return code === 'invalid_request' && fields.some(({ field }) => field === 'code')
    ? 'verify.code.malformed'
    : undefined
}

/**
 * Walks the agent through a verification (C8, C9): choose how, say the two words, enter the code that the customer reads
 * out. A second press sends no second message, and spends no second attempt.
 */
export const verificationPage = ({ app, textsOf, render }: Desk, { states, random }: Deps): void => {
  const home = (clientId: number) => `${consolePath}/customers/${clientId}`

  const chooseWay = async (request: FastifyRequest, clientId: number, problems: Problem[] = []) => {
    const t = textsOf(request)
    const { language } = request.view
    const [client, found, last] = await Promise.all([
      request.api.get<Client>(`/api/v2/clients/${clientId}`),
      verificationOf(request.api, clientId),
      lastRestoreOf(request.api, clientId),
    ])
    const restore = isOpenRestore(last) ? last : undefined
    const verification: Verification = found ?? { required: false, channels: [] }
    // The way that opened a waiting restore says nothing more about who is calling: it comes last.
    const channels = verification.channels.toSorted(
      (one, other) => Number(one.channel === restore?.channel) - Number(other.channel === restore?.channel),
    )
    const ways = channels.map(
      (way, index) => html`<label class="choice" for="channel-${way.channel}">
<input type="radio" id="channel-${way.channel}" name="channel" value="${way.channel}" required!${index === 0 ? ' checked' : ''}> <span>!${channelName(t, way)}</span></label>`,
    )
    return render(request, {
      title: t('verify.title', { customer: client.customer }),
      problems,
      body: html`!${backLink(home(clientId), t('customer.back'))}
!${facts([verificationFact(t, language, verification)])}
!${
        channels.length === 0
          ? html`<p class="notice">${t('verify.impossible')} ${t('verify.without')}</p>`
          : html`<p>${t('verify.how')}</p>
!${restore ? html`<p class="notice">!${otherThan(t, restore.channel)}</p>` : ''}
<form method="post" action="${verifyPath(clientId)}">
!${csrfField(request.view)}
!${hidden({ step: newStateId(random) })}
<fieldset>
<legend>${t('verify.channel')}</legend>
!${ways.join('\n')}
</fieldset>
<button>${t('verify.begin')}</button>
</form>`
      }
<p class="after"><a href="${home(clientId)}">${t('act.stop')}</a></p>`,
    })
  }

  /** The words to say, and the field for the code. */
  const showStep = async (
    request: FastifyRequest,
    { state, turn }: { state: BegunState; turn: string },
    problems: Problem[] = [],
  ) => {
    const t = textsOf(request)
    const { clientId, begun, to } = state
    const { id: step } = referenceOf(request, (request.params as { step: string }).step)
    const { words, channel, expiresAt } = begun
    const client = await request.api.get<Client>(`/api/v2/clients/${clientId}`)
    return render(request, {
      title: t('verify.title', { customer: client.customer }),
      problems,
      body: html`!${backLink(verifyPath(clientId), t('verify.again'))}
!${
        words === undefined
          ? html`<p>${t('verify.otp')}</p>`
          : html`<p>${t('verify.sent')} <span class="quiet">!${channelName(t, { channel, to })}</span></p>
<h2>${t('verify.say')}</h2>
<p class="words">${words}</p>
<p>${t('verify.say.why')}</p>
<h2>${t('verify.hear')}</h2>`
      }
<form method="post" action="${verifyPath(clientId)}/${step}">
!${csrfField(request.view)}
!${hidden({ turn })}
!${field({
        name: 'code',
        label: t('verify.code'),
        hint: t('verify.code.hint'),
        problem: problems[0]?.text,
        attributes: html`class="code" inputmode="numeric" autocomplete="off" dir="ltr" maxlength="100"`,
      })}
<button>${t('verify.confirm')}</button>
</form>
<p class="after">${t('verify.until')} !${timeOf(request.view.language, expiresAt)}.</p>`,
    })
  }

  app.get(url, { schema: { params: OneCustomer }, config: page }, (request) =>
    chooseWay(request, request.params.clientId),
  )

  app.post(url, { schema: { params: OneCustomer, body: Begin }, config: form }, async (request, reply) => {
    const { clientId } = request.params
    const { step, channel } = request.body
    try {
      await states.once(referenceOf(request, step), { turn: firstTurn, action: verifyPath(clientId) }, async () => {
        const path = `/api/v2/clients/${clientId}/verifications`
        const { channels } = await request.api.get<Verification>(path)
        const begun = await request.api.post<BegunVerification>(path, { ...(channel && { channel }) })
        const to = channels.find((way) => way.channel === begun.channel)?.to
        return { clientId, begun, to, isVerified: false }
      })
    } catch (error) {
      return refuse(request, reply, error, (problem) => chooseWay(request, clientId, [problem]))
    }
    return reply.redirect(`${verifyPath(clientId)}/${step}`, 303)
  })

  app.get(`${url}/:step`, { schema: { params: OneStep }, config: page }, async (request, reply) => {
    const { clientId, step } = request.params
    const stored = await states.read(referenceOf(request, step))
    if (!stored || stored.state.clientId !== clientId) throw new RekeyError('not_found')
    return stored.state.isVerified ? reply.redirect(home(clientId), 303) : showStep(request, stored)
  })

  app.post(`${url}/:step`, { schema: { params: OneStep, body: Confirm }, config: form }, async (request, reply) => {
    const { clientId, step } = request.params
    const { turn, code } = request.body
    const reference = referenceOf(request, step)
    const stored = await states.read(reference)
    if (!stored || stored.state.clientId !== clientId) throw new RekeyError('not_found')
    try {
      const press = { turn, action: `${verifyPath(clientId)}/${step}`, input: code }
      await states.once(reference, press, async (state = stored.state) => {
        if (state.isVerified) return state
        await request.api.post(`/api/v2/clients/${clientId}/verifications/${state.begun.id}`, { code })
        return { ...state, isVerified: true }
      })
    } catch (error) {
      return refuse(request, reply, error, (problem) => showStep(request, stored, [{ field: 'code', ...problem }]))
    }
    return reply.redirect(home(clientId), 303)
  })

  /** Shows the same page with what is wrong; other errors have a page of their own. */
  const refuse = async (
    request: FastifyRequest,
    reply: FastifyReply,
    error: unknown,
    show: (problem: Problem) => Promise<string>,
  ) => {
    const key = error instanceof RekeyError ? problemOf(error) : undefined
    if (key === undefined || !(error instanceof RekeyError)) throw error
    if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds)
    return reply.code(errors[error.code].status).send(await show({ text: textsOf(request)(key) }))
  }
}
