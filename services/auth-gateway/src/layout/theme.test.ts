import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationErrors } from '@rekey/platform/config'
import { modes, paletteOf } from '@rekey/texts'
import fc from 'fast-check'
import t from 'tap'
import { contrastFaults, contrastOf } from '../../../../packages/texts/src/colors.ts'
import { pageStates } from '../pages/page-states.fixture.ts'
import { startGallery } from './gallery.fixture.ts'
import { createLook } from './look.ts'
import { loadTheme, themeIsSound } from './page-theme.ts'

const example = join(import.meta.dirname, '../../../../examples/theme')

t.test('the theme of examples/theme changes texts, colours, logo, links and contact', async (t) => {
  const theme = loadTheme(example)
  t.same(themeIsSound({ REKEY_THEME_DIR: example }), [])
  const { urlOf, origin } = await startGallery(t, theme, pageStates)
  const read = async (path: string) => (await fetch(path)).text()
  const german = await read(urlOf('start', 'de'))
  t.match(german, '<h1>Passwort vergessen?</h1>')
  t.match(german, 'href="https://bank.example/de/impressum"')
  t.match(german, 'href="https://bank.example/login"')
  t.match(german, '+49 30 23125 0123')
  t.match(await read(urlOf('start', 'ru')), '+44 20 7946 0123', 'English is the rest')
  for (const [kind, attribute] of [
    ['logo.svg', /<img src="([^"]*)"/],
    ['logo-dark.svg', /<source srcset="([^"]*)"/],
    ['favicon.svg', /<link rel="icon" href="([^"]*)"/],
  ] as const) {
    const path = attribute.exec(german)?.[1] ?? ''
    t.match(path, /^\/pages\/[0-9a-f]{16}\.svg$/)
    t.equal(await read(`${origin}${path}`), readFileSync(join(example, kind), 'utf8'))
  }
  const stylesheet = await read(`${origin}${/<link rel="stylesheet" href="([^"]*)"/.exec(german)?.[1]}`)
  t.match(stylesheet, '--accent:#0b6e4f')
  t.match(stylesheet, '--accent:#7fd8b5')
})

t.test('a theme with a fault is refused in both profiles, and each fault is named', async (t) => {
  const themeWith = (file: object, files: Record<string, string> = {}) => {
    const dir = t.testdir()
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'theme.json'), JSON.stringify(file))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
    return dir
  }
  const faults: [object, RegExp, Record<string, string>?][] = [
    [
      { colors: { light: { accent: '#9bb7ff' } } },
      /theme\.json: \/colors\/light\/accent: #9bb7ff has a contrast of 1\.9:1/,
    ],
    [{ colors: { dark: { background: '#ffffff' } } }, /\/colors\/dark\/text: #eceef2 has a contrast of 1\.1:1/],
    [{ logo: 'logo.gif' }, /\/logo: logo\.gif must end in \.svg, \.png/, { 'logo.gif': 'GIF89a' }],
    [{ font: 'font.ttf' }, /\/font: font\.ttf must end in \.woff2/, { 'font.ttf': 'x' }],
    [{ logo: 'big.svg' }, /\/logo: big\.svg has 100001 bytes; at most 100000/, { 'big.svg': 'x'.repeat(100_001) }],
    [{ favicon: 'missing.ico' }, /missing\.ico: no such file/],
  ]
  for (const [file, fault, files] of faults) {
    const dir = themeWith(file, files)
    const errors = configurationErrors(() => loadTheme(dir))
    t.match(errors.join('\n'), fault)
    for (const error of errors) t.match(error, /^REKEY_THEME_DIR: /)
    t.same(themeIsSound({ REKEY_THEME_DIR: dir }), errors)
  }
})

t.test('a font is loaded from our own origin, and the system’s font is shown meanwhile', async (t) => {
  const dir = t.testdir({ 'theme.json': JSON.stringify({ font: 'font.woff2' }), 'font.woff2': 'wOF2' })
  const { assets } = createLook(loadTheme(dir))
  const font = assets.find(({ contentType }) => contentType === 'font/woff2')
  const css = String(assets.find(({ contentType }) => contentType.startsWith('text/css'))?.body)
  t.match(css, `src:url(${font?.path}) format("woff2")`)
  t.match(css, 'font-display:swap')
  t.match(css, '--font:theme,system-ui')
})

const channels = (min: number, max: number) =>
  fc
    .array(fc.integer({ min, max }), { minLength: 3, maxLength: 3 })
    .map((values) => `#${values.map((value) => value.toString(16).padStart(2, '0')).join('')}`)
/** Mostly dark on light or light on dark: others have faults nearly always. */
const colorsOn = (back: fc.Arbitrary<string>, front: fc.Arbitrary<string>) =>
  fc.record(
    { accent: front, accentText: back, background: back, text: front, problem: front },
    { requiredKeys: ['accentText', 'background'] },
  )
const [dark, light, any] = [channels(0, 120), channels(190, 255), channels(0, 255)]
const colors = fc.oneof(colorsOn(light, dark), colorsOn(dark, light), colorsOn(any, any))

t.test('every text and border of a theme without a fault has the contrast of WCAG 2.2 AA', async (t) => {
  let sound = 0
  fc.assert(
    fc.property(colors, colors, (light, dark) => {
      if (contrastFaults({ light, dark }).length > 0) return
      sound += 1
      for (const mode of modes) {
        const palette = paletteOf({ light, dark }, mode)
        const { text, quietText, accent, accentText, problem, background, surround, border } = palette
        for (const [front, back, least] of [
          [text, background, 4.5],
          [text, surround, 4.5],
          [quietText, background, 4.5],
          [quietText, surround, 4.5],
          [accent, background, 4.5],
          [accent, surround, 4.5],
          [accentText, accent, 4.5],
          [problem, background, 4.5],
          [background, problem, 4.5],
          [border, background, 3],
        ] as const) {
          if (contrastOf(front, back) < least) throw new Error(`${front} on ${back}: ${contrastOf(front, back)}`)
        }
      }
    }),
    { numRuns: 3_000 },
  )
  t.ok(sound > 50, `${sound} themes without a fault`)
  t.same(contrastFaults(undefined), [], 'the colours of Rekey')
  // WCAG 2.2, Terms: black on white.
  t.equal(contrastOf('#000000', '#ffffff'), 21)
  t.equal(contrastFaults({ light: { text: '#777777' } }).length, 2, '4.48:1 is not 4.5:1')
})
