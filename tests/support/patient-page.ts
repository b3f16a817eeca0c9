import { catalogues, languages, type TextKey } from '@rekey/texts'
import type { Locator, Page } from 'playwright-core'

const anyOf = (texts: string[]) => new RegExp(`^(?:${texts.join('|')})`)
const ofPages = (key: TextKey<'pages'>) => languages.map((language) => catalogues.pages[language][key])
const ofAccount = (key: TextKey<'account'>) => languages.map((language) => catalogues.account[language][key])

/** Above the form: a store or service did not answer in time. */
const busyText = anyOf([...ofPages('unavailable'), ...ofPages('password.unknown'), ...ofAccount('new.unknown')])
/** Title of the page without the form, for the same reason. */
const laterTitle = anyOf(ofPages('error.unavailable.title'))
const unknownTitle = anyOf([...ofPages('ended.unknown.title'), ...ofAccount('changed.unknown.title')])

/**
 * Submits a form of a page until the page shows `next`; again while a store or service does not answer in time: the
 * machine is busy with other work. A new password whose answer was lost may end at the page that says so instead.
 *
 * @param submit fills the form and presses its button
 * @returns the title of the page that came
 * @throws Error that states what the page shows instead
 */
export const submitPatiently = async (page: Page, next: Locator, submit: () => Promise<void>): Promise<string> => {
  // Without this mark, the message of the last answer would be read as that of the next one.
  const answer = page.locator('html:not([data-left])')
  const busy = answer.getByRole('alert').getByText(busyText)
  const later = answer.getByRole('heading', { name: laterTitle, level: 1 })
  const unknown = answer.getByRole('heading', { name: unknownTitle, level: 1 })
  for (;;) {
    await page.evaluate("document.documentElement.toggleAttribute('data-left', true)")
    await submit()
    await next
      .or(busy)
      .or(later)
      .or(unknown)
      .first()
      .waitFor()
      .catch(async (cause) => {
        throw new Error(`${page.url()}: ${await page.locator('main').textContent()}`, { cause })
      })
    if ((await later.count()) > 0) await page.locator('main a.button').click()
    else if ((await busy.count()) === 0) return (await page.locator('h1').textContent()) ?? ''
  }
}
