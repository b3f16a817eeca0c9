import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { noTheme } from '@rekey/texts'
import t from 'tap'
import { createElementWatch, startGallery } from '../layout/gallery.fixture.ts'
import { axeViolations, exampleTheme, isTooWide, narrow } from '../layout/inspect-pages.fixture.ts'
import { loadTheme } from '../layout/page-theme.ts'
import { pageStates } from './page-states.fixture.ts'

// axe inspects the states that together have every element. page-states.proof.ts: every state in every language,
// width, colour scheme and theme, with pictures.

t.test('no state of a page has a violation of WCAG 2.2 AA that axe finds', { skip: noBrowser }, async (t) => {
  const gallery = await startGallery(t, noTheme, pageStates)
  const browser = await launchBrowser(t)
  const page = await browser.newPage({ viewport: narrow })
  const errors: string[] = []
  page.on('console', (message) => errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  const hasNewElements = createElementWatch()
  for (const state of Object.keys(pageStates)) {
    await page.goto(gallery.urlOf(state))
    t.equal(await isTooWide(page), false, `${state} fits a window of ${narrow.width} pixels`)
    if (!hasNewElements(await page.content())) continue
    t.same(await axeViolations(page), [], state)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await axeViolations(page, ['color-contrast']), [], `${state}, dark`)
    await page.emulateMedia({ colorScheme: 'light' })
  }
  const themed = await startGallery(t, loadTheme(exampleTheme), pageStates)
  await page.goto(themed.urlOf('start'))
  const logo = await page.locator('.brand img').boundingBox()
  t.ok(logo && logo.width > 100 && logo.height <= 36, `the logo of a theme is shown: ${JSON.stringify(logo)}`)
  t.same(errors, [], 'the content security policy had nothing to block')
})
