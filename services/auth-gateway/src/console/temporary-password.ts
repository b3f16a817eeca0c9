import type { RekeyError } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import { html } from 'ghtml'
import { passwordField } from '../layout/form.ts'
import type { Problem, View } from '../layout/view.ts'
import type { StaffTexts } from './staff-texts.ts'

// The further fields of the form of B7: the temporary password, how the customer gets it, and that staff know the caller.

/** Fields of the form besides `act` and `reason`; browsers leave out what is not chosen. */
export const temporaryPasswordFields = {
  password: Type.Optional(Type.String({ maxLength: 2_000 })),
  send: Type.Optional(Type.Union([Type.Literal('mail'), Type.Literal('told')])),
  sure: Type.Optional(Type.Literal('yes')),
}

/** What was typed. The password is in no page again, and kept nowhere. */
export interface TemporaryPassword {
  password?: string
  send?: 'mail' | 'told'
  sure?: 'yes'
}

export interface PasswordFacts {
  minPasswordLength: number
  maxPasswordLength: number
}

/** What is missing in the form. */
export const missingIn = (t: StaffTexts, { password = '', send, sure }: TemporaryPassword): Problem[] => [
  ...(password === '' ? [{ field: 'password', text: t('act.password.missing') }] : []),
  ...(send === undefined ? [{ field: 'send-mail', text: t('act.send.missing') }] : []),
  ...(sure === undefined ? [{ field: 'sure', text: t('act.sure.missing') }] : []),
]

const reasonKeys = {
  too_short: 'act.password.too_short',
  too_long: 'act.password.too_long',
  common: 'act.password.common',
  context_word: 'act.password.context_word',
  breached: 'act.password.breached',
  reused: 'act.password.reused',
} as const

/** The text of a reason; one that is newer than this gateway has a general text. */
const reasonKey = (code: string) =>
  Object.hasOwn(reasonKeys, code) ? reasonKeys[code as keyof typeof reasonKeys] : 'act.password.other'

/** What the API refuses about the password or its way to the customer; undefined if the error is about something else. */
export const refusedIn = (
  t: StaffTexts,
  { brand }: Pick<View, 'brand'>,
  { minPasswordLength: least, maxPasswordLength: most }: PasswordFacts,
  { code, fields = [] }: Pick<RekeyError, 'code' | 'fields'>,
): Problem[] | undefined => {
  if (code === 'password_refused') {
    const text = fields.map((field) => t(reasonKey(field.code), { least, most, brand })).join(' ')
    return [{ field: 'password', text: text || t('act.password.other', { least, most, brand }) }]
  }
  if (code !== 'invalid_request') return undefined
  if (fields.some(({ field }) => field === 'send_mail')) return [{ field: 'send-mail', text: t('act.send.noMail') }]
  return fields.some(({ field }) => field === 'password')
    ? [{ field: 'password', text: t('act.password.other', { least, most, brand }) }]
    : undefined
}

/** The fields of the form. */
export const temporaryPasswordForm = (
  t: StaffTexts,
  view: View,
  { minPasswordLength: least }: PasswordFacts,
  { send, sure }: TemporaryPassword,
  problems: Problem[],
): string => {
  const problemOf = (name: string) => problems.find(({ field }) => field === name)?.text
  const problemHtml = (name: string) => {
    const text = problemOf(name)
    return text === undefined ? '' : html`<p class="problem" id="${name}-problem">${text}</p>`
  }
  const described = (name: string) =>
    problemOf(name) === undefined ? '' : html` aria-invalid="true" aria-describedby="${name}-problem"`
  const way = (id: string, value: 'mail' | 'told', label: string) => html`<label class="choice" for="${id}">
<input type="radio" id="${id}" name="send" value="${value}" required!${send === value ? ' checked' : ''}!${described('send-mail')}> <span>${label}</span></label>`
  return html`!${passwordField(view, {
    name: 'password',
    label: t('act.password'),
    hint: t('act.password.hint', { least }),
    problem: problemOf('password'),
    autocomplete: 'new-password',
  })}
<fieldset>
<legend>${t('act.send')}</legend>
!${problemHtml('send-mail')}
!${way('send-mail', 'mail', t('act.send.mail'))}
!${way('send-told', 'told', t('act.send.told'))}
</fieldset>
!${problemHtml('sure')}
<label class="choice" for="sure"><input type="checkbox" id="sure" name="sure" value="yes" required!${sure === 'yes' ? ' checked' : ''}!${described('sure')}> <span>${t('act.sure')}</span></label>`
}
