import { errors, Reason, RekeyError } from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import { compileCheck } from '@rekey/platform/validation'
import type { PageLanguage } from '@rekey/texts'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { csrfField, field, hidden } from '../layout/form.ts'
import { firstTurn, newStateId, type PageStates, StateId } from '../layout/page-state.ts'
import type { Problem } from '../layout/view.ts'
import { type ActName, actsByName, type Outcome } from './acts.ts'
import { type Desk, form, page } from './console-scope.ts'
import { backLink } from './elements.ts'
import { errorKey } from './error-pages.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'
import { findSubject, type KeptSubject, type Subject, subjectName } from './subject.ts'
import {
  missingIn,
  type PasswordFacts,
  refusedIn,
  type TemporaryPassword,
  temporaryPasswordFields,
  temporaryPasswordForm,
} from './temporary-password.ts'
import { proofNotice } from './verification.ts'

/** What is kept of an act until the session ends. */
export interface DoneAct {
  act: ActName
  outcome: Outcome
  subject: KeptSubject
}

interface Deps {
  states: PageStates<DoneAct>
  /** REKEY_BACK_OFFICE_FOUR_EYES. */
  hasFourEyes: boolean
  facts: PasswordFacts
  random: Random
}

/** What was typed, and what is wrong with it. */
interface Input {
  typed?: { reason?: string } & TemporaryPassword
  problems?: Problem[]
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?')[0] ?? url

const Press = Type.Object({ act: StateId })
const isReason = compileCheck(Reason)
const Submitted = Type.Object({ act: StateId, reason: Type.String({ maxLength: 2_000 }), ...temporaryPasswordFields })

/** Finds what a form of this session led to. */
export const referenceOf = ({ staff }: Pick<FastifyRequest, 'staff'>, id: string) => ({ id, secret: staff.secret })

/** The notice about the verification that an act on a customer needs. */
const proofOf = (t: StaffTexts, language: PageLanguage, { verification, kept: { clientId } }: Subject): string =>
  verification && clientId !== undefined ? proofNotice(t, language, verification, clientId) : ''

export const donePath = (act: string) => `${consolePath}/done/${act}`

/**
 * The form of each act: what will happen, to whom, and why it is done. Its address has the id of the act, so that a second
 * press, a reload and the way back do nothing twice.
 */
export const actPage = ({ app, textsOf, render }: Desk, { states, hasFourEyes, facts, random }: Deps): void => {
  for (const [act, { path, params, isDangerous, needsTwo, needsProof, asksPassword = false, perform }] of actsByName) {
    const url = `${consolePath}${path}`
    const schema = params === undefined ? {} : { params }
    const idsOf = (request: FastifyRequest) => (request.params ?? {}) as Record<string, string>

    const fields = (request: FastifyRequest, id: string, { typed = {}, problems = [] }: Input): string => {
      const t = textsOf(request)
      const { reason = '' } = typed
      const problem = problems.find(({ field }) => field === 'reason')?.text
      return html`<form method="post" action="${pathOf(request)}">
!${csrfField(request.view)}
!${hidden({ act: id })}
!${asksPassword ? temporaryPasswordForm(t, request.view, facts, typed, problems) : ''}
!${field({
        name: 'reason',
        label: t('act.reason'),
        hint: t('act.reason.hint'),
        problem,
        attributes: html`value="${reason}" maxlength="500" autocomplete="off"`,
      })}
<button!${isDangerous ? ' class="danger"' : ''}>${t(`act.${act}.button`)}</button>
</form>`
    }

    const show = async (request: FastifyRequest, id: string, input: Input = {}) => {
      const t = textsOf(request)
      const subject = await findSubject(request, idsOf(request), act)
      const { kept } = subject
      const title = t(`act.${act}.title`, { subject: subjectName(t, kept) })
      const head = html`!${backLink(kept.path, t(`subject.${kept.kind}.back`))}
!${subject.about(t, request.view.language)}`
      const obstacle = subject.obstacle(t, act, request.view.language)
      if (obstacle !== undefined) {
        return render(request, { title, body: html`!${head}<p class="notice">!${obstacle}</p>` })
      }
      return render(request, {
        title,
        problems: input.problems ?? [],
        body: html`!${head}
<p>${t(`act.${act}.effect`)}</p>
<p>${t(`act.${act}.told`)}</p>
!${needsProof ? proofOf(t, request.view.language, subject) : ''}
!${needsTwo === 'always' || (needsTwo && hasFourEyes) ? html`<p class="notice">${t('act.two')}</p>` : ''}
!${fields(request, id, input)}
<p class="after"><a href="${kept.path}">${t('act.stop')}</a></p>`,
      })
    }

    /** The form without its subject, which cannot be read at the moment. */
    const showAlone = (request: FastifyRequest, id: string, input: Input) =>
      render(request, {
        title: textsOf(request)(`act.${act}.link`),
        problems: input.problems ?? [],
        body: fields(request, id, input),
      })

    app.get(url, { schema: { ...schema, querystring: Type.Partial(Press) }, config: page }, async (request, reply) => {
      const { act: id } = request.query
      if (id === undefined) {
        return reply.redirect(`${pathOf(request)}?act=${newStateId(random)}`, 303)
      }
      const done = await states.read(referenceOf(request, id))
      if (!done) return show(request, id)
      const t = textsOf(request)
      return render(request, {
        title: t(`act.${act}.title`, { subject: subjectName(t, done.state.subject) }),
        body: html`<p class="notice">${t('act.done')}</p>
<p><a class="button" href="${donePath(id)}">${t('act.done.link')}</a></p>`,
      })
    })

    app.post(url, { schema: { ...schema, body: Submitted }, config: form }, async (request, reply) => {
      const t = textsOf(request)
      const { act: id, ...typed } = request.body
      const { reason } = typed
      const missing = [
        ...(asksPassword ? missingIn(t, typed) : []),
        ...(isReason(reason)
          ? []
          : [{ field: 'reason', text: t(reason.trim() === '' ? 'act.reason.missing' : 'act.reason.malformed') }]),
      ]
      if (missing.length > 0) {
        return reply.code(errors.invalid_request.status).send(await show(request, id, { typed, problems: missing }))
      }
      try {
        const subject = await findSubject(request, idsOf(request), act)
        await states.once(referenceOf(request, id), { turn: firstTurn, action: pathOf(request) }, async () => ({
          act,
          outcome: (await perform(request.api, idsOf(request), reason, typed)) ?? {},
          subject: subject.kept,
        }))
      } catch (error) {
        if (!(error instanceof RekeyError)) throw error
        const refused = asksPassword ? refusedIn(t, request.view, facts, error) : undefined
        if (refused) {
          return reply.code(errors[error.code].status).send(await show(request, id, { typed, problems: refused }))
        }
        // Nothing was done, or it is not known: the reason is kept, and the same form can be sent again.
        if (!['unavailable', 'too_many_requests'].includes(error.code)) throw error
        reply.code(errors[error.code].status).header('retry-after', error.retryAfterSeconds ?? 2)
        const input = { typed, problems: [{ field: 'reason', text: t(`${errorKey(error)}.todo`) }] }
        return reply.send(await show(request, id, input).catch(() => showAlone(request, id, input)))
      }
      return reply.redirect(donePath(id), 303)
    })
  }
}
