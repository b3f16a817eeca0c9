import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { noTheme } from '@rekey/texts'
import t from 'tap'
import { createElementWatch, startGallery } from '../layout/gallery.fixture.ts'
import { axeViolations, isTooWide, narrow } from '../layout/inspect-pages.fixture.ts'
import { accountStates } from './account-states.fixture.ts'

// axe inspects the states that together have every element. account-states.proof.ts: every state in every language,
// width and colour scheme, with pictures.

t.test('no account page has a violation of WCAG 2.2 AA that axe finds', { skip: noBrowser }, async (t) => {
  const gallery = await startGallery(t, noTheme, accountStates)
  const browser = await launchBrowser(t)
  const page = await browser.newPage({ viewport: narrow })
  const errors: string[] = []
  page.on('console', (message) => errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  const hasNewElements = createElementWatch()
  for (const state of Object.keys(accountStates)) {
    await page.goto(gallery.urlOf(state))
    t.equal(await isTooWide(page), false, `${state} fits a window of ${narrow.width} pixels`)
    if (!hasNewElements(await page.content())) continue
    t.same(await axeViolations(page), [], state)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await axeViolations(page, ['color-contrast']), [], `${state}, dark`)
    await page.emulateMedia({ colorScheme: 'light' })
  }
  t.same(errors, [], 'the content security policy had nothing to block')
})
