import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createTexts } from './texts.ts'
import { localized, readTheme, ThemeError } from './theme.ts'

const writeTheme = (dir: string, files: Record<string, unknown>): string => {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return dir
}

t.test('a theme replaces texts, and leaves the others', async (t) => {
  const dir = writeTheme(t.testdir(), { 'texts/pages/de.json': { 'language.switch': 'Andere Sprache' } })
  const texts = createTexts('pages', readTheme(dir))
  t.equal(texts('de')('language.switch'), 'Andere Sprache')
  t.equal(texts('en')('language.switch'), 'Language')
})

t.test('a value of the theme is one for all languages or one a language', async (t) => {
  const file = { contact: { en: '+44 20 7946 0000', de: '+49 30 1' }, returnUrl: 'https://bank.example/login' }
  const theme = readTheme(writeTheme(t.testdir(), { 'theme.json': file })).file
  t.equal(localized(theme.contact, 'de'), '+49 30 1')
  t.equal(localized(theme.contact, 'ru'), '+44 20 7946 0000')
  t.equal(localized(theme.returnUrl, 'ru'), 'https://bank.example/login')
  t.equal(localized(theme.helpUrl, 'en'), undefined)
})

t.test('a broken theme is refused with each fault named', async (t) => {
  const broken: [string, Record<string, unknown>, RegExp][] = [
    ['not JSON', { 'theme.json': '{' }, /theme\.json: .*JSON/],
    ['an unknown field', { 'theme.json': { colour: 1 } }, /theme\.json: \/colour: /],
    ['a malformed colour', { 'theme.json': { colors: { light: { accent: 'red' } } } }, /\/colors\/light\/accent/],
    ['a script as a link', { 'theme.json': { returnUrl: 'javascript:alert(1)' } }, /\/returnUrl/],
    ['a logo that is missing', { 'theme.json': { logo: 'logo.svg' } }, /logo\.svg: no such file/],
    ['a logo outside the folder', { 'theme.json': { logo: '../logo.svg' } }, /\/logo/],
    ['an unknown area', { 'texts/page/en.json': {} }, /page: no such area/],
    ['an unknown language', { 'texts/pages/xx.json': {} }, /xx\.json: must be named after a language/],
    ['an unknown key', { 'texts/pages/en.json': { nothing: 'x' } }, /nothing: no text has this key/],
    ['a key of every object', { 'texts/pages/en.json': { constructor: 'x' } }, /constructor: no text has this key/],
    ['a text that is a number', { 'texts/pages/en.json': { 'language.switch': 1 } }, /must be a text/],
    ['malformed ICU', { 'texts/pages/en.json': { 'language.switch': '{x' } }, /is not an ICU message/],
    ['an unknown value', { 'texts/pages/en.json': { 'language.switch': '{x}' } }, /has no value \{x\}; it has none/],
    ['texts that are a list', { 'texts/pages/en.json': [] }, /must be an object/],
  ]
  for (const [title, files, fault] of broken) {
    t.test(title, async (t) => {
      const dir = writeTheme(t.testdir(), files)
      t.throws(() => readTheme(dir), { name: 'ThemeError' })
      try {
        readTheme(dir)
      } catch (error) {
        t.ok(
          (error as ThemeError).faults.some((line) => fault.test(line)),
          (error as Error).message,
        )
      }
    })
  }
  t.throws(() => readTheme('/nowhere'), ThemeError)
})
