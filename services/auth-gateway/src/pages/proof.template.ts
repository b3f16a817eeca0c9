import { type PasskeyRequest, unavailableProof } from '@rekey/contracts'
import { html } from 'ghtml'
import { csrfField, field, hidden } from '../layout/form.ts'
import { contactLink } from '../layout/renderer.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'
import { isAboutPage } from './outcome.ts'
import { problemOf } from './outcome-texts.ts'
import type { ProofState } from './proof.state.ts'

interface Facts {
  codeDigits: number
  codeLifeSeconds: number
  minPasswordLength: number
  maxPasswordLength: number
}

/** Place of a second proof: its forms are `<path>/proof`, `<path>/proof-code` and `<path>/proof-other`. */
export interface ProofPlace {
  view: View
  facts: Facts
  path: string
  turn: string
  now: Date
  step?: { at: number; of: number }
}

/** A masked address, from left to right in every script. */
export const maskedOf = (type: string): string => type.replace(/^oob:\w+:/, '')
export const isSms = (type: string): boolean => type.startsWith('oob:sms')

/** HTML: the words of a way to confirm. */
export const wayText = ({ t }: View, type: string): string => {
  if (type === 'webauthn') return html`${t('proof.passkey')}`
  if (type === 'otp') return html`${t('proof.otp')}`
  if (type === 'recovery_code') return html`${t('proof.recovery')}`
  return richText((values) => t(isSms(type) ? 'proof.sms' : 'proof.email', values), {
    address: html`<span dir="ltr">${maskedOf(type)}</span>`,
  })
}

/** HTML: what a customer does who has none of the ways. */
export const withoutWays = ({ t, contact }: View): string =>
  html`<p class="after">!${richText((values) => t('proof.without', values), { contact: contactLink(contact) })}</p>`

/** Buttons for each way to confirm. @param field name of the button */
export const wayButtons = (view: View, types: readonly string[], field: string): string =>
  types.map((type) => html`<p><button name="${field}" value="${type}">!${wayText(view, type)}</button></p>`).join('\n')

/** A field for the code of an authenticator app, or a recovery code. */
export const ownCodeField = ({ t }: View, type: string, problem: string | undefined): string =>
  type === 'otp'
    ? field({
        name: 'code',
        label: t('otp.label'),
        hint: t('otp.hint'),
        problem,
        attributes: html`class="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" dir="ltr"`,
      })
    : field({
        name: 'code',
        label: t('recovery.label'),
        hint: t('recovery.hint'),
        problem,
        attributes: html`class="code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" dir="ltr"`,
      })

/** Title and introduction for a way that no message is sent for. */
export const ownWayTexts = ({ t, brand }: View, type: string): { title: string; what: string } => {
  if (type === 'webauthn') return { title: t('passkey.title'), what: t('passkey.what') }
  return type === 'otp'
    ? { title: t('otp.title'), what: t('otp.what', { brand }) }
    : { title: t('recovery.title'), what: t('recovery.what') }
}

/** Attributes of the form that submits a passkey: its script asks the browser for an assertion first. */
export const passkeyAttributes = (publicKey: PasskeyRequest | undefined): string =>
  publicKey ? html` data-passkey="${JSON.stringify(publicKey)}"` : ''

/** Renders the hidden field that the script of a passkey fills, its error, and the button. */
export const passkeyFields = ({ t }: View, button: string): string => html`<input type="hidden" name="code" value="">
<p class="problem" role="alert" data-passkey-failed hidden>${t('passkey.failed')}</p>
<button>${button}</button>`

/** The part of a form by which the customer proves an enrolled method, with its button. */
export const ownWayFields = (view: View, type: string, problem: string | undefined): string => {
  const { t } = view
  return type === 'webauthn'
    ? passkeyFields(view, t('passkey.use'))
    : html`!${ownCodeField(view, type, problem)}
<button>${t('continue')}</button>`
}

const form = ({ view, turn, path }: ProofPlace, action: string, body: string, attributes = ''): string =>
  html`<form method="post" action="${path}/${action}"!${attributes}>
!${csrfField(view)}!${hidden({ turn })}
!${body}
</form>`

const otherWay = (place: ProofPlace, { challengeTypes, mayWait }: ProofState): string =>
  challengeTypes.length < 2 && !mayWait
    ? withoutWays(place.view)
    : html`<div class="after">!${form(place, 'proof-other', html`<button class="second">${place.view.t('proof.other')}</button>`)}</div>`

/** For a customer who can give none of the proofs: the restore waits instead. */
const unavailableForm = (place: ProofPlace): string => {
  const { t } = place.view
  const button = html`<button class="second" name="way" value="${unavailableProof}">${t('proof.unavailable')}</button>`
  return html`<div class="after">!${form(place, 'proof', button)}
<p class="hint">${t('proof.unavailable.hint')}</p></div>`
}

const choicePage = (place: ProofPlace, state: ProofState): Page => {
  const { view, facts, now } = place
  const problem = problemOf(view, facts, now, state.outcome)
  return {
    title: view.t('proof.title'),
    ...(place.step && { step: place.step }),
    problems: problem ? [{ text: problem }] : [],
    body: html`<p>${view.t('proof.intro')}</p>
!${form(place, 'proof', wayButtons(view, state.challengeTypes, 'way'))}
!${state.mayWait ? unavailableForm(place) : ''}
!${withoutWays(view)}`,
  }
}

/** The code that was sent, with the way to a new one. */
const sentCode = (place: ProofPlace, state: ProofState, problem: string | undefined): string => {
  const { view, facts, now } = place
  const { t } = view
  const { chosen = '', verificationCode = '', resendAt = 0 } = state
  const waitSeconds = Math.max(0, Math.ceil((resendAt - now.getTime()) / 1_000))
  const clock = `${Math.floor(waitSeconds / 60)}:${String(waitSeconds % 60).padStart(2, '0')}`
  return html`!${state.outcome?.kind === 'resent' ? html`<p class="notice" role="status">${t('code.resent')}</p>` : ''}
<p>!${richText((values) => t('proof.sent', values), { address: html`<strong dir="ltr">${maskedOf(chosen)}</strong>` })}</p>
<p class="shown">${t('code.verification')} <strong dir="ltr">${verificationCode}</strong> ${t('code.verification.compare')}</p>
!${form(
    place,
    'proof-code',
    html`!${field({
      name: 'code',
      label: t('code.confirmation'),
      hint: t('code.confirmation.hint', { digits: facts.codeDigits, minutes: Math.ceil(facts.codeLifeSeconds / 60) }),
      problem,
      attributes: html`class="code" type="text" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" dir="ltr"`,
    })}
<button>${t('continue')}</button>`,
  )}
<div class="aside">
<h2>${t('code.none')}</h2>
<p>${t(isSms(chosen) ? 'code.none.phone' : 'code.none.email')}</p>
!${
    waitSeconds <= 0
      ? ''
      : html`<p class="hint" data-wait="${waitSeconds}">!${richText((values) => t('code.resend.wait', values), {
          wait: html`<span data-clock dir="ltr">${clock}</span>`,
        })}</p>`
  }
!${form(place, 'proof', html`<button class="second" name="way" value="${chosen}">${t('code.resend')}</button>`)}
</div>`
}

/** The page of a second proof: the choice of a way, or the field for its code. */
export const proofPage = (place: ProofPlace, state: ProofState): Page => {
  const { view, facts, now } = place
  const { t } = view
  const { chosen, outcome } = state
  if (chosen === undefined) return choicePage(place, state)
  const problem = problemOf(view, facts, now, outcome)
  const isAboutField = !isAboutPage(outcome)
  const fieldProblem = isAboutField ? problem : undefined
  const isSent = chosen.startsWith('oob:')
  const own = ownWayTexts(view, chosen)
  const ownForm = () => html`<p>${own.what}</p>
!${form(place, 'proof-code', ownWayFields(view, chosen, fieldProblem), passkeyAttributes(state.publicKey))}`
  return {
    title: isSent ? t(isSms(chosen) ? 'code.title.phone' : 'code.title.email') : own.title,
    ...(place.step && { step: place.step }),
    problems: problem ? [isAboutField ? { field: 'code', text: problem } : { text: problem }] : [],
    body: html`!${isSent ? sentCode(place, state, fieldProblem) : ownForm()}
!${otherWay(place, state)}`,
  }
}
