import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { PageLanguage } from '@rekey/texts'
import type { Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Where screenshots are written: git ignores the folder. */
export const screenshotsDir = join(import.meta.dirname, '../../../../.rekey/screenshots')

/** The theme of examples/theme. */
export const exampleTheme = join(import.meta.dirname, '../../../../examples/theme')

/** The narrowest window in which a page must fit. */
export const narrow = { width: 320, height: 568 } as const

export const widths = { phone: { width: 375, height: 667 }, desk: { width: 1280, height: 800 } } as const

/** WCAG 2.2 A and AA, and good practice. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** The violations that axe finds in the open page, a line each. @param rules all of them, or only these */
export const axeViolations = async (page: Page, rules?: string[]): Promise<string[]> => {
  if (!(await page.evaluate("typeof axe === 'object'"))) await page.evaluate(axeSource)
  const runOnly = rules ? { type: 'rule', values: rules } : { type: 'tag', values: tags }
  return page.evaluate(`axe.run({ runOnly: ${JSON.stringify(runOnly)} }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)))`)
}

/** True if the page is wider than the window: a phone would scroll sideways (WCAG 2.2 §1.4.10). */
export const isTooWide = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')

interface Assertions {
  same(found: unknown, wanted: unknown, message: string): unknown
  equal(found: unknown, wanted: unknown, message: string): unknown
}

/** @returns asserts that the open page violates no rule of WCAG 2.2 AA, and that nothing is cut off in a narrow window */
export const createInspection =
  (t: Assertions, page: Page) =>
  async (state: string): Promise<void> => {
    t.same(await axeViolations(page), [], state)
    const usual = page.viewportSize()
    await page.setViewportSize(narrow)
    t.equal(await isTooWide(page), false, `${state} fits a window of ${narrow.width} pixels`)
    if (usual) await page.setViewportSize(usual)
  }

interface Shot {
  area: string
  state: string
  language: PageLanguage
  /** For example `phone` or `desk-dark`. */
  view: string
}

/** Writes a picture of the whole page. */
export const takeScreenshot = async (page: Page, { area, state, language, view }: Shot): Promise<void> => {
  const dir = join(screenshotsDir, area, language)
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: join(dir, `${state}-${view}.png`), fullPage: true })
}
