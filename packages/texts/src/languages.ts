import { match } from '@formatjs/intl-localematcher'

/** Languages of which every catalogue has all texts. */
export const languages = ['en', 'de', 'es', 'ru'] as const
export type Language = (typeof languages)[number]

/** The language that texts are written in first, and that is used if no other fits. */
export const sourceLanguage: Language = 'en'

/**
 * A language of right-to-left pseudo-texts, which shows untranslated sentences and layouts that depend on the direction.
 * For the sandbox and tests alone.
 */
export const pseudoLanguage = 'ar-XB'
export type PageLanguage = Language | typeof pseudoLanguage

/** Names of the languages, each in itself. */
export const languageNames: Record<Language, string> = { en: 'English', de: 'Deutsch', es: 'Español', ru: 'Русский' }

export const isLanguage = (tag: string): tag is Language => (languages as readonly string[]).includes(tag)

/** `de-CH;q=0.8, en;q=0.5` as language tags, the most wanted first (RFC 9110 §12.5.4). Unreadable parts are left out. */
const readAcceptLanguage = (header: string): string[] =>
  header
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().split(/\s*;\s*/)
      const quality = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2)
      return { tag, quality: quality === undefined ? 1 : Number(quality) }
    })
    .filter(({ tag, quality }) => /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(tag) && quality > 0 && quality <= 1)
    .toSorted((left, right) => right.quality - left.quality)
    .map(({ tag }) => tag)

const readable = (tag: string): boolean => {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

/**
 * Returns the language of the first of the wishes that fits one: a language tag (`de-CH`) or a value of Accept-Language.
 * Empty and unreadable wishes are skipped (RFC 4647 §3.4, lookup).
 */
export const chooseLanguage = (...wishes: (string | undefined)[]): Language => {
  const tags = wishes.flatMap((wish) => readAcceptLanguage(wish ?? '')).filter(readable)
  for (const tag of tags) {
    const found = match([tag], languages, 'und', { algorithm: 'lookup' })
    if (isLanguage(found)) return found
  }
  return sourceLanguage
}

/** Direction of a language's script, for the attribute `dir` of HTML. */
export const direction = (language: PageLanguage): 'ltr' | 'rtl' => (language === pseudoLanguage ? 'rtl' : 'ltr')
