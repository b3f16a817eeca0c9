import type { Recipient } from '@rekey/contracts'
import {
  chooseLanguage,
  createTexts,
  direction,
  isLanguage,
  localized,
  type PageLanguage,
  sourceLanguage,
  type TextKey,
  type Theme,
  type Translate,
} from '@rekey/texts'
import { createLocalTime, toLanguageTag } from './local-time.ts'
import { type Logo, readLogo } from './logo.ts'

interface Settings {
  REKEY_BRAND: string
  REKEY_CONTACT: string
  REKEY_PUBLIC_URL: string
}

/** Colours as `#rrggbb`. */
export interface Colors {
  accent: string
  accentText: string
  background: string
  text: string
}

/** What the messages to one recipient are composed with: texts, times and look. */
export interface Presentation extends ReturnType<typeof createLocalTime> {
  t: Translate<TextKey<'messages'>>
  language: PageLanguage
  direction: 'ltr' | 'rtl'
  /** Name of the platform. */
  brand: string
  /** Whom the customer calls. */
  contact: string
  /** Links below each mail: help, imprint, privacy. */
  links: readonly { label: string; url: string }[]
  colors: { light: Colors; dark: Colors }
  logo: Logo | undefined
  /** Host of the pages: codes in an SMS are bound to it. */
  host: string
}

/** What the texts and times for a recipient depend on. */
type Place = Pick<Recipient, 'locale' | 'timezone'>

export type Presentations = (recipient: Place, language?: PageLanguage) => Presentation

/** Presentations that are kept. Each has formats for times, which take longest to make, and some 100 KB. */
const mostKept = 50

const defaultColors: Presentation['colors'] = {
  light: { accent: '#1746a2', accentText: '#ffffff', background: '#ffffff', text: '#1b1d22' },
  dark: { accent: '#9dbdff', accentText: '#0d1524', background: '#16181d', text: '#eceef2' },
}

/** Keeps the order of characters of a value within text of the other direction (Unicode UAX #9, FSI and PDI). */
const isolate = (value: string): string => `\u2068${value}\u2069`

/**
 * Makes the presentation of each recipient: the language that fits the customer's locale, with the theme's texts and look.
 * @throws ThemeError if the theme's logo cannot be sent
 */
export const createPresentations = (settings: Settings, theme: Theme): Presentations => {
  const texts = createTexts('messages', theme)
  const logo = readLogo(theme)
  const { file } = theme
  const colors = {
    light: { ...defaultColors.light, ...file.colors?.light },
    dark: { ...defaultColors.dark, ...file.colors?.dark },
  }
  // An origin-bound code has an origin without a port (WICG, Origin-bound one-time codes, Parsing).
  const host = new URL(settings.REKEY_PUBLIC_URL).hostname

  const create = (recipient: Place, language: PageLanguage): Presentation => {
    const translate = texts(language)
    const isRightToLeft = direction(language) === 'rtl'
    const t: Presentation['t'] = isRightToLeft
      ? (key, values = {}) =>
          translate(
            key,
            Object.fromEntries(
              Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? isolate(value) : value]),
            ),
          )
      : translate
    const link = (label: TextKey<'messages'>, url: string | undefined) => (url ? [{ label: t(label), url }] : [])
    return {
      ...createLocalTime(recipient, isLanguage(language) ? language : sourceLanguage),
      t,
      language,
      direction: direction(language),
      brand: settings.REKEY_BRAND,
      contact: localized(file.contact, language) ?? settings.REKEY_CONTACT,
      links: [
        ...link('common.help', localized(file.helpUrl, language)),
        ...link('common.imprint', localized(file.imprintUrl, language)),
        ...link('common.privacy', localized(file.privacyUrl, language)),
      ],
      colors,
      logo,
      host,
    }
  }

  /** By language, locale and time zone, the ones that were used last at the end. */
  const kept = new Map<string, Presentation>()

  return (recipient, language) => {
    const key = JSON.stringify([language, recipient.locale, recipient.timezone])
    const presentation = kept.get(key) ?? create(recipient, language ?? chooseLanguage(toLanguageTag(recipient.locale)))
    kept.delete(key)
    kept.set(key, presentation)
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break
      kept.delete(oldest)
    }
    return presentation
  }
}
