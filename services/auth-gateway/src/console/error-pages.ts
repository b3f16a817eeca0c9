import type { ErrorCode, RekeyError } from '@rekey/contracts'
import { html } from 'ghtml'
import { OutdatedForm } from '../layout/outdated-form.ts'
import { textPage } from '../layout/renderer.ts'
import type { Page, View } from '../layout/view.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

/** What a member of staff can do about an error; other codes are those of a malformed request. */
const keys = {
  insufficient_scope: 'error.forbidden',
  customer_not_verified: 'error.notVerified',
  own_approval: 'error.ownApproval',
  owner_unknown: 'error.ownerUnknown',
  cross_site_request: 'error.crossSite',
  not_found: 'error.notFound',
  already_decided: 'error.decided',
  no_waiting_restore: 'error.noRestore',
  too_many_requests: 'error.tooMany',
  unavailable: 'error.unavailable',
  internal: 'error.internal',
} as const satisfies Partial<Record<ErrorCode, string>>

/** The prefix of an error's texts. */
export const errorKey = (error: RekeyError) =>
  error instanceof OutdatedForm
    ? 'error.outdated'
    : ((keys as Partial<Record<ErrorCode, (typeof keys)[keyof typeof keys]>>)[error.code] ?? 'error.malformed')

/** The page of an error: what happened, and the next step. */
export const errorPage = (t: StaffTexts, view: View, error: RekeyError): Page => {
  const key = errorKey(error)
  const { body, ...page } = textPage(t(`${key}.title`), t(`${key}.what`), t(`${key}.todo`))
  return {
    ...page,
    body: html`!${body}
<p><a class="button" href="${view.address}">${t('error.again')}</a></p>
<p class="after"><a href="${consolePath}">${t('error.home')}</a></p>`,
  }
}
