import type { ErrorCode, RekeyError } from '@rekey/contracts'
import { html } from 'ghtml'
import { OutdatedForm } from './outdated-form.ts'
import { contactLink, textPage } from './renderer.ts'
import { richText } from './rich-text.ts'
import type { Page, View } from './view.ts'

/** A link to the page itself, so that a visitor need not find the way back. */
const again = ({ t, address }: View): string => html`<p><a class="button" href="${address}">${t('error.again')}</a></p>`

const withAgain = (view: View, page: Page): Page => ({ ...page, body: `${page.body}\n${again(view)}` })

const unavailablePage = ({ t, contact }: View): Page => ({
  title: t('error.unavailable.title'),
  body: html`<p>!${richText((values) => t('error.unavailable.todo', values), { contact: contactLink(contact) })}</p>`,
})

/** The page of an error, in the visitor's language. */
export const errorPage = (view: View, error: RekeyError): Page => {
  const { t } = view
  if (error instanceof OutdatedForm) {
    return withAgain(view, textPage(t('error.outdated.title'), t('error.outdated.what'), t('error.outdated.cookies')))
  }
  const pages: Partial<Record<ErrorCode, () => Page>> = {
    cross_site_request: () =>
      textPage(t('error.crossSite.title'), t('error.crossSite.what'), t('error.crossSite.todo')),
    too_many_requests: () => withAgain(view, textPage(t('error.tooMany.title'), t('error.tooMany.todo'))),
    unavailable: () => withAgain(view, unavailablePage(view)),
    internal: () => unavailablePage(view),
    not_found: () => textPage(t('error.notFound.title'), t('error.notFound.todo')),
  }
  return (
    pages[error.code]?.() ?? textPage(t('error.malformed.title'), t('error.malformed.what'), t('error.malformed.todo'))
  )
}
