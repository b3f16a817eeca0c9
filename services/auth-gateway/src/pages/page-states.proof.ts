import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { languages, noTheme, pseudoLanguage, type Theme } from '@rekey/texts'
import t from 'tap'
import { startGallery } from '../layout/gallery.fixture.ts'
import {
  axeViolations,
  exampleTheme,
  isTooWide,
  screenshotsDir,
  takeScreenshot,
  widths,
} from '../layout/inspect-pages.fixture.ts'
import { loadTheme } from '../layout/page-theme.ts'
import { pageStates } from './page-states.fixture.ts'

const themes: Record<string, Theme> = {
  plain: noTheme,
  theme: loadTheme(exampleTheme),
}

t.test('each state in each language, width, colour scheme and theme', { skip: noBrowser, timeout: 0 }, async (t) => {
  const browser = await launchBrowser(t)
  let checked = 0
  for (const [themeName, theme] of Object.entries(themes)) {
    const gallery = await startGallery(t, theme, pageStates)
    for (const [width, viewport] of Object.entries(widths)) {
      const page = await browser.newPage({ viewport })
      for (const language of [...languages, pseudoLanguage] as const) {
        for (const state of Object.keys(pageStates)) {
          await page.emulateMedia({ colorScheme: 'light' })
          await page.goto(gallery.urlOf(state, language))
          const shot = { area: themeName === 'plain' ? 'pages' : 'pages-theme', state, language }
          await takeScreenshot(page, { ...shot, view: width })
          const what = `${themeName} ${width} ${language} ${state}`
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
  }
  t.comment(`${checked} pages without a violation; pictures in ${screenshotsDir}`)
})
