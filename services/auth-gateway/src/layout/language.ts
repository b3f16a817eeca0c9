import { chooseLanguage, isLanguage, type PageLanguage, pseudoLanguage } from '@rekey/texts'
import { type CookieJar, cookiesOf } from './cookies.ts'

/** The parts of a request that choose the language. */
export interface LanguageRequest {
  query: unknown
  headers: { cookie?: string | undefined; 'accept-language'?: string | undefined }
}

const readable = (tag: unknown, allowsPseudo: boolean): PageLanguage | undefined => {
  if (typeof tag !== 'string') return undefined
  if (isLanguage(tag)) return tag
  return allowsPseudo && tag === pseudoLanguage ? pseudoLanguage : undefined
}

/** One year. */
const cookieSeconds = 31_536_000

/**
 * The language of a page: `?lang=` of its address, else the cookie of an earlier choice, else Accept-Language.
 *
 * @param allowsPseudo true in the sandbox: `ar-XB` shows pseudo-texts from right to left
 */
export const createLanguageChoice = (jar: CookieJar, allowsPseudo: boolean) => {
  const asked = ({ query }: LanguageRequest) => readable((query as { lang?: unknown } | undefined)?.lang, allowsPseudo)
  return {
    /** The cookie that keeps the choice in the address; undefined if there is none. */
    cookieOf(request: LanguageRequest): string | undefined {
      const language = asked(request)
      return language && jar.write('lang', language, cookieSeconds)
    },

    languageOf(request: LanguageRequest): PageLanguage {
      const kept = readable(cookiesOf(request)[jar.nameOf('lang')], allowsPseudo)
      return asked(request) ?? kept ?? chooseLanguage(request.headers['accept-language'])
    },
  }
}
