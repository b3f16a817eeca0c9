import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { noTheme } from '@rekey/texts'
import t from 'tap'
import { startGallery } from '../layout/gallery.fixture.ts'
import { axeViolations, isTooWide, takeScreenshot, widths } from '../layout/inspect-pages.fixture.ts'
import { accountStates } from './account-states.fixture.ts'

t.test('no account page has a violation of WCAG 2.2 AA that axe finds', { skip: noBrowser }, async (t) => {
  const gallery = await startGallery(t, noTheme, accountStates)
  const browser = await launchBrowser(t)
  const page = await browser.newPage({ viewport: widths.phone })
  const errors: string[] = []
  page.on('console', (message) => errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  for (const state of Object.keys(accountStates)) {
    await page.emulateMedia({ colorScheme: 'light' })
    await page.goto(gallery.urlOf(state))
    t.same(await axeViolations(page), [], state)
    await takeScreenshot(page, { area: 'account', state, language: 'en', view: 'phone' })
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await axeViolations(page, ['color-contrast']), [], `${state}, dark`)
    await page.setViewportSize({ width: 320, height: 568 })
    t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
    await page.setViewportSize(widths.phone)
  }
  t.same(errors, [], 'the content security policy had nothing to block')
})
