import { timingSafeEqual } from 'node:crypto'
import { hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { type CookieJar, cookiesOf } from './cookies.ts'

interface Deps {
  jar: CookieJar
  /** Sign the tokens of forms. */
  keys: Keys
  random: Pick<Random, 'bytes'>
}

/** 256 random bits (ASVS 7.2.3), in base64url. */
const secretBytes = 32
const secretPattern = /^[\w-]{43}$/

/** Longer than any state of a page lives; each page begins it anew. */
const cookieSeconds = 24 * 3_600

/** A secret that a browser keeps in a cookie. It finds the state of its pages, and binds their forms to it. */
export interface BrowserSecret {
  value: string
  /** True if the browser sent it. */
  isKept: boolean
}

/** @returns functions that read and write the cookie, and the token of forms (signed double-submit cookie, OWASP CSRF CS) */
export const createBrowserSecrets = ({ jar, keys, random }: Deps) => {
  const tokenOf = (key: Keys['current'], secret: string) => hmac(key, `form.${secret}`)
  return {
    read(request: { headers: { cookie?: string | undefined } }): BrowserSecret {
      const sent = cookiesOf(request)[jar.nameOf('browser')]
      return sent !== undefined && secretPattern.test(sent)
        ? { value: sent, isKept: true }
        : { value: random.bytes(secretBytes).toString('base64url'), isKept: false }
    },

    cookieOf: ({ value }: BrowserSecret): string => jar.write('browser', value, cookieSeconds),

    csrfOf: ({ value }: BrowserSecret): string => tokenOf(keys.current, value),

    /** True if a page made the form for this browser. */
    isOwnForm: ({ value, isKept }: BrowserSecret, csrf: unknown): boolean =>
      isKept &&
      typeof csrf === 'string' &&
      keys.all.some((key) => {
        const expected = Buffer.from(tokenOf(key, value))
        const submitted = Buffer.from(csrf)
        return expected.length === submitted.length && timingSafeEqual(expected, submitted)
      }),
  }
}

export type BrowserSecrets = ReturnType<typeof createBrowserSecrets>
