import { html } from 'ghtml'
import type { Problem, View } from './view.ts'

/** Hidden fields. */
export const hidden = (fields: Record<string, string>): string =>
  Object.entries(fields)
    .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)
    .join('')

/** The hidden field that every form of a page must have: it shows that this page made the form for this browser (S34). */
export const csrfField = ({ csrf }: Pick<View, 'csrf'>): string => hidden({ csrf })

interface Field {
  /** Name and id. */
  name: string
  label: string
  hint?: string | undefined
  /** The error of the input. */
  problem?: string | undefined
  /** HTML: further attributes of the input. */
  attributes: string
}

/** The attributes that every input has; `aria-describedby` ties hint and error to it for screen readers. */
const inputAttributes = ({ name, hint, problem, attributes }: Field, more: string[] = []): string => {
  const describedBy = [...(problem ? [`${name}-problem`] : []), ...(hint ? [`${name}-hint`] : []), ...more].join(' ')
  return html`id="${name}" name="${name}" required !${attributes}!${describedBy ? html` aria-describedby="${describedBy}"` : ''}!${problem ? ' aria-invalid="true"' : ''}`
}

const labelOf = ({ name, label, hint, problem }: Field): string => html`<label for="${name}">${label}</label>
!${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}
!${problem ? html`<p class="problem" id="${name}-problem">${problem}</p>` : ''}`

/** A labelled input with its hint and its error. */
export const field = (options: Field): string => html`!${labelOf(options)}
<input !${inputAttributes(options)}>`

interface Strength {
  /** Path that answers the strength of a submitted password: JSON for the script, a page without it. */
  path: string
  /** The strength of the password that was submitted last, if there was one. */
  score?: number | undefined
}

type PasswordField = Omit<Field, 'attributes'> & {
  autocomplete: 'new-password' | 'current-password'
  /** Only for a new password. */
  strength?: Strength
}

const strengthKeys = ['strength.0', 'strength.1', 'strength.2', 'strength.3', 'strength.4'] as const

/** The words for a strength from 0 to 4. */
export const strengthText = ({ t }: Pick<View, 't'>, score: number): string =>
  t(strengthKeys[Math.min(4, Math.max(0, Math.round(score)))] ?? 'strength.0')

/** A password with a button that shows it, and, if it is a new one, a hint of its strength. */
export const passwordField = (view: View, options: PasswordField): string => {
  const { name, autocomplete, strength } = options
  const attributes = html`type="password" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false" dir="ltr"`
  const { t } = view
  const text = strength?.score === undefined ? '' : strengthText(view, strength.score)
  return html`!${labelOf({ ...options, attributes })}
<span class="password" dir="ltr"><input !${inputAttributes({ ...options, attributes }, strength ? [`${name}-strength`] : [])}><button type="button" data-shows="${name}" data-hide="${t('password.hide')}" hidden>${t('password.show')}</button></span>
!${
    strength
      ? html`<p class="strength" id="${name}-strength" aria-live="polite" data-strength="${name}" data-url="${strength.path}"!${strength.score === undefined ? '' : html` data-score="${strength.score}"`}>${text}</p>`
      : ''
  }`
}

/** The errors of a page: read out and focused when it opens, each with a link to its field. */
export const errorSummary = ({ t }: Pick<View, 't'>, problems: Problem[]): string =>
  problems.length === 0
    ? ''
    : html`<div class="summary" role="alert" tabindex="-1" autofocus>
<h2>${t('problem.heading')}</h2>
<ul>
!${problems
        .map(({ field, text }) => (field ? html`<li><a href="#${field}">${text}</a></li>` : html`<li>${text}</li>`))
        .join('\n')}
</ul>
</div>
`
