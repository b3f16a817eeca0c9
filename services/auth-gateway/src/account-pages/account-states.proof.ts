import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { languages, noTheme, pseudoLanguage } from '@rekey/texts'
import t from 'tap'
import { startGallery } from '../layout/gallery.fixture.ts'
import { axeViolations, isTooWide, screenshotsDir, takeScreenshot, widths } from '../layout/inspect-pages.fixture.ts'
import { accountStates } from './account-states.fixture.ts'

t.test('each account page in each language, width and colour scheme', { skip: noBrowser, timeout: 0 }, async (t) => {
  const browser = await launchBrowser(t)
  const gallery = await startGallery(t, noTheme, accountStates)
  let checked = 0
  for (const [width, viewport] of Object.entries(widths)) {
    const page = await browser.newPage({ viewport })
    for (const language of [...languages, pseudoLanguage] as const) {
      for (const state of Object.keys(accountStates)) {
        const shot = { area: 'account', state, language }
        const what = `${width} ${language} ${state}`
        await page.emulateMedia({ colorScheme: 'light' })
        await page.goto(gallery.urlOf(state, language))
        await takeScreenshot(page, { ...shot, view: width })
        t.same(await axeViolations(page), [], what)
        t.equal(await isTooWide(page), false, `${what} fits`)
        await page.emulateMedia({ colorScheme: 'dark' })
        t.same(await axeViolations(page, ['color-contrast']), [], `${what}, dark`)
        await takeScreenshot(page, { ...shot, view: `${width}-dark` })
        checked += 1
      }
    }
    await page.close()
  }
  t.comment(`${checked} pages without a violation; pictures in ${screenshotsDir}`)
})
