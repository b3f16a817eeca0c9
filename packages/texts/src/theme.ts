import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { catalogues } from './catalogues.ts'
import { contrastFaults } from './colors.ts'
import { isLanguage, type Language, sourceLanguage } from './languages.ts'
import { argumentsOf, parseMessage } from './message-syntax.ts'

const strict = { additionalProperties: false }
const Localized = <S extends TSchema>(schema: S) =>
  Type.Union([schema, Type.Object({ en: schema, ...byLanguage(schema) }, strict)])
const byLanguage = <S extends TSchema>(schema: S) => ({
  de: Type.Optional(schema),
  es: Type.Optional(schema),
  ru: Type.Optional(schema),
})

const Color = Type.String({ pattern: '^#[0-9a-fA-F]{6}$' })
const Colors = Type.Partial(
  Type.Object({ accent: Color, accentText: Color, background: Color, text: Color, problem: Color }, strict),
)
const WebUrl = Type.String({ pattern: '^https?://[^\\s"<>]+$', maxLength: 2048 })
const FileName = Type.String({ pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*$', maxLength: 200 })

/** theme.json: everything is optional. What differs by language is one value, or one a language with `en` as the rest. */
const ThemeFile = Type.Partial(
  Type.Object(
    {
      /** Colours in light and in dark mode. */
      colors: Type.Partial(Type.Object({ light: Colors, dark: Colors }, strict)),
      /** File of the theme's folder, shown in place of the brand's name: SVG, PNG, WebP or JPEG. */
      logo: FileName,
      /** The same for dark mode, if it must differ. */
      logoDark: FileName,
      /** File of the theme's folder: SVG, PNG or ICO. */
      favicon: FileName,
      /** WOFF2 file of the theme's folder. */
      font: FileName,
      imprintUrl: Localized(WebUrl),
      privacyUrl: Localized(WebUrl),
      helpUrl: Localized(WebUrl),
      /** Where the last page leads: usually the bank's sign-in. */
      returnUrl: Localized(WebUrl),
      /** Whom to call, in place of REKEY_CONTACT. */
      contact: Localized(Type.String({ minLength: 1, maxLength: 200 })),
    },
    strict,
  ),
)
export type ThemeFile = Static<typeof ThemeFile>

/** A value for all languages, or one for each language and `en` for the rest. */
export type Localized = string | ({ en: string } & Partial<Record<Language, string>>)

export interface Theme {
  /** Absolute path of the folder. */
  dir?: string
  file: ThemeFile
  /** Texts by area, language and key, in place of those of the catalogues. */
  texts: Record<string, Partial<Record<Language, Record<string, string>>>>
}

export const noTheme: Theme = { file: {}, texts: {} }

/** Returns the value of a language. */
export const localized = (value: Localized | undefined, language: string): string | undefined => {
  if (value === undefined || typeof value === 'string') return value
  return (isLanguage(language) ? value[language] : undefined) ?? value[sourceLanguage]
}

/** The faults of a theme, a line each: file, place and what is wrong. */
export class ThemeError extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(`REKEY_THEME_DIR has faults:\n${faults.join('\n')}`)
    this.name = 'ThemeError'
    this.faults = faults
  }
}

const readJson = (path: string, faults: string[]): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    faults.push(`${path}: ${(error as Error).message}`)
    return undefined
  }
}

const readThemeFile = (dir: string, faults: string[]): ThemeFile => {
  const path = join(dir, 'theme.json')
  if (!existsSync(path)) return {}
  const file = readJson(path, faults)
  if (file === undefined) return {}
  if (!Value.Check(ThemeFile, file)) {
    for (const { path: at, message } of Value.Errors(ThemeFile, file)) faults.push(`${path}: ${at || '/'}: ${message}`)
    return {}
  }
  for (const fault of contrastFaults(file.colors)) faults.push(`${path}: ${fault}`)
  for (const name of [file.logo, file.logoDark, file.favicon, file.font]) {
    if (name && !existsSync(join(dir, name))) faults.push(`${path}: ${name}: no such file in ${dir}`)
  }
  return file
}

const faultOf = (text: unknown, source: string | undefined): string | undefined => {
  if (source === undefined) return 'no text has this key'
  if (typeof text !== 'string' || text.trim() === '') return 'must be a text'
  try {
    const allowed = argumentsOf(parseMessage(source))
    const unknown = [...argumentsOf(parseMessage(text))].filter((name) => !allowed.has(name))
    return unknown.length > 0
      ? `has no value {${unknown.join('}, {')}}; it has ${[...allowed].join(', ') || 'none'}`
      : undefined
  } catch (error) {
    return `is not an ICU message: ${(error as Error).message}`
  }
}

const readTexts = (dir: string, faults: string[]): Theme['texts'] => {
  const texts: Theme['texts'] = {}
  const root = join(dir, 'texts')
  if (!existsSync(root)) return texts
  for (const area of readdirSync(root)) {
    const catalogue = (catalogues as Record<string, { en: Record<string, string> }>)[area]
    if (!Object.hasOwn(catalogues, area) || !catalogue) {
      faults.push(`${join(root, area)}: no such area; there are ${Object.keys(catalogues).join(', ')}`)
      continue
    }
    for (const name of readdirSync(join(root, area))) {
      const path = join(root, area, name)
      const language = name.replace(/\.json$/, '')
      if (!name.endsWith('.json') || !isLanguage(language)) {
        faults.push(`${path}: must be named after a language: en.json`)
        continue
      }
      const file = readJson(path, faults)
      if (file === undefined) continue
      if (typeof file !== 'object' || file === null || Array.isArray(file)) {
        faults.push(`${path}: must be an object of texts`)
        continue
      }
      for (const [key, text] of Object.entries(file)) {
        const fault = faultOf(text, Object.hasOwn(catalogue.en, key) ? catalogue.en[key] : undefined)
        if (fault) faults.push(`${path}: ${key}: ${fault}`)
      }
      texts[area] = { ...texts[area], [language]: file as Record<string, string> }
    }
  }
  return texts
}

/**
 * Reads a theme: theme.json, its files, and `texts/<area>/<language>.json`, in which any key of a catalogue may stand.
 * @throws ThemeError that names every fault
 */
export const readTheme = (dir: string | undefined): Theme => {
  if (dir === undefined) return noTheme
  if (!existsSync(dir)) throw new ThemeError([`${dir}: no such folder`])
  const faults: string[] = []
  const theme: Theme = { dir, file: readThemeFile(dir, faults), texts: readTexts(dir, faults) }
  if (faults.length > 0) throw new ThemeError(faults)
  return theme
}
