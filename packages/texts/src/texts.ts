import { IntlMessageFormat } from 'intl-messageformat'
import { type Area, type Catalogue, catalogues, type TextKey } from './catalogues.ts'
import { isLanguage, type PageLanguage, sourceLanguage } from './languages.ts'
import { parseMessage, pseudoMessage } from './message-syntax.ts'
import type { Theme } from './theme.ts'

/** Values of a message. Dates and numbers are formatted for the language: `{at, date, long}`. */
export type TextValues = Record<string, string | number | Date>

/** Returns the text of a key as plain text: a template must escape it for HTML. @throws Error if a value is missing */
export type Translate<Key extends string> = (key: Key, values?: TextValues) => string

/**
 * Texts of an area in all languages, with the theme's own texts in place of those of the catalogue. Each message is
 * parsed once, at its first use.
 */
export const createTexts = <A extends Area>(area: A, theme?: Pick<Theme, 'texts'>) => {
  const catalogue: Catalogue = catalogues[area]
  const formats = new Map<string, IntlMessageFormat>()

  const createFormat = (language: PageLanguage, key: string): IntlMessageFormat => {
    if (isLanguage(language)) {
      const text = theme?.texts[area]?.[language]?.[key] ?? catalogue[language][key] ?? key
      return new IntlMessageFormat(text, language, undefined, { ignoreTag: true })
    }
    return new IntlMessageFormat(pseudoMessage(parseMessage(catalogue[sourceLanguage][key] ?? '')), sourceLanguage)
  }

  /** Returns the texts of one language. */
  return (language: PageLanguage): Translate<TextKey<A>> =>
    (key, values) => {
      const name = `${language} ${key}`
      let format = formats.get(name)
      if (!format) {
        format = createFormat(language, key)
        formats.set(name, format)
      }
      return String(format.format(values))
    }
}

export type Texts<A extends Area> = ReturnType<typeof createTexts<A>>
