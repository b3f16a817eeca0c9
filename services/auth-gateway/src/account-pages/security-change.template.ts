import type { Factor } from '@rekey/contracts'
import { html } from 'ghtml'
import { csrfField, field, hidden } from '../layout/form.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page } from '../layout/view.ts'
import { ownCodeField, passkeyFields } from '../pages/proof.template.ts'
import { type AccountView, problemAt, problemsOf } from './account-view.ts'
import { qrCode } from './qr-code.ts'
import { type ProvenState, securityPath as path } from './security.state.ts'
import { fewCodes, kindKeys, securityButton } from './security.template.ts'

type OfStep<Step extends ProvenState['step']> = Extract<ProvenState, { step: Step }>

const backToList = ({ t }: AccountView): string =>
  html`<p class="after"><a href="${path}/list">${t('security.back')}</a></p>`

const nameField = ({ t }: AccountView, label: string, problem: string | undefined): string =>
  field({
    name: 'label',
    label: t('name.label'),
    hint: t('name.hint'),
    problem,
    attributes: html`value="${label}" type="text" maxlength="64" autocomplete="off" dir="auto"`,
  })

export const namePage = (account: AccountView, turn: string, { label, outcome }: OfStep<'name'>): Page => {
  const { view, t } = account
  const problems = problemsOf(account, outcome, 'label')
  return {
    title: t('name.title'),
    step: { at: 1, of: 2 },
    problems,
    body: html`<p>${t('name.what')}</p>
<form method="post" action="${path}/name">
!${csrfField(view)}!${hidden({ turn })}
!${nameField(account, label, problemAt(problems, 'label'))}
<button>${view.t('continue')}</button>
</form>
!${backToList(account)}`,
  }
}

/** The script asks the browser for the passkey, and sends it with the name. */
export const passkeyPage = (account: AccountView, turn: string, state: OfStep<'passkey'>): Page => {
  const { view, t } = account
  const { label, creation, outcome } = state
  const problems = problemsOf(account, outcome, 'label')
  return {
    title: t('security.addPasskey'),
    problems,
    body: html`<p>${t('newPasskey.what')}</p>
<form method="post" action="${path}/new-passkey" data-new-passkey="${JSON.stringify(creation)}">
!${csrfField(view)}!${hidden({ turn })}
!${nameField(account, label, problemAt(problems, 'label'))}
!${passkeyFields(view, t('security.addPasskey'))}
</form>
!${backToList(account)}`,
  }
}

/** A secret in groups of four, for typing. */
const grouped = (secret: string): string => secret.replaceAll(/.{4}(?=.)/g, '$& ')

export const appPage = (account: AccountView, turn: string, { enrolment, outcome }: OfStep<'app'>): Page => {
  const { view, t } = account
  const { id, secret, uri, qr } = enrolment
  const problems = problemsOf(account, outcome, 'code')
  const image = qrCode(qr, t('app.qr'))
  return {
    title: t('app.title'),
    step: { at: 2, of: 2 },
    problems,
    body: html`!${
      image &&
      html`<p>${t('app.scan')}</p>
!${image}`
    }
<p><a href="${uri}">${t('app.open')}</a></p>
<p class="shown">${t('app.type')} <strong class="secret" dir="ltr">${grouped(secret)}</strong></p>
<form method="post" action="${path}/app">
!${csrfField(view)}!${hidden({ turn, factor: id })}
!${ownCodeField(view, 'otp', problemAt(problems, 'code'))}
<button>${view.t('continue')}</button>
</form>
!${backToList(account)}`,
  }
}

export const addedPage = (account: AccountView, turn: string, { what }: OfStep<'added'>, factors: Factor[]): Page => {
  const { t } = account
  const codesLeft = factors.find(({ kind }) => kind === 'recovery_codes')?.codesLeft ?? 0
  return {
    title: t(what ? 'addedPasskey.title' : 'added.title'),
    isDone: true,
    body: html`<p>${t(what ? 'addedPasskey.what' : 'added.what')}</p>
!${
      codesLeft > fewCodes
        ? ''
        : html`<p>${t('added.codes')}</p>
!${securityButton(account, { action: 'issue', text: t('security.getCodes'), turn })}`
    }
!${backToList(account)}`,
  }
}

export const issuePage = (account: AccountView, turn: string, { replaces, outcome }: OfStep<'issue'>): Page => {
  const { t } = account
  return {
    title: t('security.codes'),
    problems: problemsOf(account, outcome, ''),
    body: html`<p>${t('issue.what')}</p>
!${replaces ? html`<p class="notice">${t('issue.replaces')}</p>` : ''}
!${securityButton(account, { action: 'codes', text: t('issue.submit'), turn })}
!${backToList(account)}`,
  }
}

export const codesPage = (account: AccountView, turn: string, { codes }: OfStep<'codes'>): Page => {
  const { view, t } = account
  return {
    title: t('codes.title'),
    body: html`<p>${t('codes.once')} ${t('codes.each')}</p>
<ol class="codes" dir="ltr">
!${codes.map((code) => html`<li>${code}</li>`).join('\n')}
</ol>
<form method="post" action="${path}/codes-file" data-repeats>
!${csrfField(view)}
<button class="second">${t('codes.file')}</button>
<button type="button" class="second test" data-prints hidden>${t('codes.print')}</button>
</form>
!${securityButton(account, { action: 'codes-saved', text: t('codes.saved'), turn })}`,
  }
}

/** The recovery codes as a text file. Lines end as every editor reads them. */
export const codesFile = ({ view, t }: AccountView, { codes }: OfStep<'codes'>): string =>
  [`${view.brand}: ${t('codes.title')}`, t('codes.each'), '', ...codes, ''].join('\r\n')

export const removePage = (account: AccountView, turn: string, { factor, outcome }: OfStep<'remove'>): Page => {
  const { t } = account
  const { id, kind, label } = factor
  return {
    title: t('remove.title'),
    problems: problemsOf(account, outcome, ''),
    body: html`<p>!${
      kind === 'recovery_codes'
        ? html`${t('remove.codes')}`
        : richText((values) => t(kind === 'passkey' ? 'remove.passkey' : 'remove.app', values), {
            label: html`<strong><bdi>${label ?? t(kindKeys[kind].name)}</bdi></strong>`,
          })
    }</p>
<p>${t('remove.told')}</p>
!${securityButton(account, { action: 'remove', text: t('security.remove'), turn, rank: 'danger', fields: { factor: id } })}
!${backToList(account)}`,
  }
}
