import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { languages, noTheme, type PageLanguage, pseudoLanguage, type Theme } from '@rekey/texts'
import t from 'tap'
import { startGallery } from '../layout/gallery.fixture.ts'
import {
  axeViolations,
  exampleTheme,
  isTooWide,
  narrow,
  screenshotsDir,
  takeScreenshot,
  widths,
} from '../layout/inspect-pages.fixture.ts'
import { loadTheme } from '../layout/page-theme.ts'
import { pageStates } from './page-states.fixture.ts'

const looks: { area: string; theme: Theme; languages: readonly PageLanguage[] }[] = [
  { area: 'pages', theme: noTheme, languages: [...languages, pseudoLanguage] },
  // Its own texts are English and German.
  { area: 'pages-theme', theme: loadTheme(exampleTheme), languages: ['en', 'de', pseudoLanguage] },
]

t.test('each state in each language, width, colour scheme and theme', { skip: noBrowser }, async (t) => {
  const browser = await launchBrowser(t)
  const page = await browser.newPage({ viewport: widths.phone })
  const counts = { pages: 0, violations: 0, pictures: 0 }
  for (const { area, theme, languages } of looks) {
    const gallery = await startGallery(t, theme, pageStates)
    for (const language of languages) {
      for (const state of Object.keys(pageStates)) {
        const what = `${area} ${language} ${state}`
        const shoot = async (view: string) => {
          await takeScreenshot(page, { area, state, language, view })
          counts.pictures += 1
        }
        const check = async (rules?: string[]) => {
          const violations = await axeViolations(page, rules)
          counts.violations += violations.length
          t.same(violations, [], what)
        }
        await page.emulateMedia({ colorScheme: 'light' })
        await page.goto(gallery.urlOf(state, language))
        await check()
        await shoot('phone')
        await page.emulateMedia({ colorScheme: 'dark' })
        await check(['color-contrast'])
        await shoot('phone-dark')
        await page.emulateMedia({ colorScheme: 'light' })
        for (const [name, viewport] of Object.entries({ ...widths, narrow })) {
          await page.setViewportSize(viewport)
          t.equal(await isTooWide(page), false, `${what} fits ${viewport.width} pixels`)
          if (name === 'desk') await shoot('desk')
        }
        await page.setViewportSize(widths.phone)
        counts.pages += 1
      }
    }
  }
  t.comment(`${counts.pages} pages, ${counts.violations} violations, ${counts.pictures} pictures in ${screenshotsDir}`)
})
