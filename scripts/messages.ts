import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { launchBrowser, noBrowser, prepareBrowser } from '@rekey/test-support/browser'
import { withTeardown } from '@rekey/test-support/with-teardown'
import { languages, pseudoLanguage, readTheme } from '@rekey/texts'
import { presentationOf, samples, usual } from '../services/notifier/src/messages/samples.fixture.ts'

// npm run messages [-- WORD]: writes each mail in each language as a picture, 375 px wide, light and dark, and every SMS
// as text, to .rekey/screenshots/messages. With REKEY_THEME_DIR in that theme. WORD: only messages whose name has it.

const folder = resolve(import.meta.dirname, '../.rekey/screenshots/messages')
const [word = ''] = process.argv.slice(2)
const names = [...samples.keys()].filter((name) => name.includes(word))
const theme = readTheme(process.env.REKEY_THEME_DIR || undefined)

await prepareBrowser()
if (noBrowser) throw new Error(noBrowser)
await withTeardown(async (t) => {
  const browser = await launchBrowser(t)
  const page = await browser.newPage({ viewport: { width: 375, height: 667 }, deviceScaleFactor: 2 })

  for (const language of [...languages, pseudoLanguage] as const) {
    mkdirSync(join(folder, language), { recursive: true })
    const presentation = presentationOf(usual, language, theme)
    const texts: string[] = []
    for (const name of names) {
      const { mail, sms } = samples.get(name)?.(presentation, usual) ?? {}
      if (!mail) continue
      texts.push(`--- ${name}\n${sms}\n`)
      const [logo] = mail.attachments ?? []
      const image = logo && `data:${logo.contentType};base64,${logo.content.toString('base64')}`
      await page.setContent(image ? mail.html.replaceAll(`cid:${logo.cid}`, image) : mail.html)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const path = join(folder, language, `${name.replaceAll(' ', '.')}.${colorScheme}.png`)
        await page.screenshot({ path, fullPage: true })
      }
    }
    writeFileSync(join(folder, language, 'sms.txt'), texts.join('\n'))
  }
})
console.log(`${names.length} messages in ${languages.length + 1} languages: ${folder}`)
