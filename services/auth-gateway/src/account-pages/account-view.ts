import type { TextKey, Translate } from '@rekey/texts'
import { html } from 'ghtml'
import { contactLink } from '../layout/renderer.ts'
import { richText } from '../layout/rich-text.ts'
import type { Problem, View } from '../layout/view.ts'
import { isAboutPage } from '../pages/outcome.ts'
import { problemOf } from '../pages/outcome-texts.ts'
import type { AccountOutcome } from './password-change.state.ts'

/** What the pages tell before the customer needs it. */
export interface AccountFacts {
  codeDigits: number
  codeLifeSeconds: number
  minPasswordLength: number
  maxPasswordLength: number
}

/** What every template of the account pages needs. */
export interface AccountView {
  view: View
  /** Texts of the area `account`; those that all pages share are `view.t`. */
  t: Translate<TextKey<'account'>>
  facts: AccountFacts
  now: Date
}

export const secondsUntil = (time: number, now: Date): number => Math.max(0, Math.ceil((time - now.getTime()) / 1_000))

/** A text with a link to the contact. */
export const withContact = (translate: (values: { contact: string }) => string, { contact }: View): string =>
  richText(translate, { contact: contactLink(contact) })

/** What the last press led to, as an error of an input, or of the page. */
export const problemsOf = (
  { view, t, facts, now }: AccountView,
  outcome: AccountOutcome | undefined,
  field: string,
): Problem[] => {
  if (outcome === undefined) return []
  switch (outcome.kind) {
    case 'wrongPassword':
      return [{ text: t('signIn.wrong') }]
    case 'noPassword':
      return [{ field: 'password', text: t('signIn.empty') }]
    case 'malformedUsername':
      return [{ field: 'username', text: view.t('start.malformed') }]
    case 'emptyCurrent':
      return [{ field: 'current', text: t('new.emptyCurrent') }]
    case 'wrongCurrent':
      return [{ field: 'current', text: t('new.wrongCurrent') }]
    case 'malformedLabel':
      return [{ field: 'label', text: t('name.malformed') }]
    case 'tooManyApps':
      return [{ text: t('name.tooMany') }]
    case 'enrolmentEnded':
      return [{ text: t('name.ended') }]
    case 'wrongAppCode':
      return [{ field, text: t('app.wrong') }]
    case 'unknownResult':
      return [{ text: t('new.unknown') }]
    default: {
      const text = problemOf(view, facts, now, outcome)
      if (text === undefined) return []
      return isAboutPage(outcome) ? [{ text }] : [{ field, text }]
    }
  }
}

/** The error of one input, to be shown beside it. */
export const problemAt = (problems: Problem[], field: string): string | undefined =>
  problems.find((problem) => problem.field === field)?.text

export const backToAccount = ({ t }: AccountView): string =>
  html`<p class="after"><a href="/account">${t('home.back')}</a></p>`
