import { deriveKeys, toKeys } from '@rekey/platform/keys'
import type { Server } from '@rekey/platform/server'
import { type Area, createTexts, localized, type Texts } from '@rekey/texts'
import type { FastifyRequest } from 'fastify'
import type { Infrastructure } from '../infrastructure.ts'
import { assetRoutes } from './assets.ts'
import { type BrowserSecret, createBrowserSecrets } from './browser-secret.ts'
import { createCookieJar } from './cookies.ts'
import { createLanguageChoice } from './language.ts'
import { createLook } from './look.ts'
import { createPageScope } from './page-scope.ts'
import { createPageStates } from './page-state.ts'
import { loadTheme } from './page-theme.ts'
import type { View } from './view.ts'

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_PUBLIC_URL: string
  REKEY_BRAND: string
  REKEY_CONTACT: string
  REKEY_THEME_DIR?: string
  REKEY_CODE_KEY: string
}

/** Path of the page with the parameters that its route knows. */
const addressOf = ({ url, routeOptions, query }: FastifyRequest): string => {
  // A request line may name a host (RFC 9112 §3.2.2), which must not get into links.
  const { pathname: path } = new URL(url, 'http://localhost')
  const { properties = {} } = (routeOptions.schema?.querystring ?? {}) as { properties?: object }
  const known = Object.entries(query as object).filter(
    (entry): entry is [string, string] => Object.hasOwn(properties, entry[0]) && typeof entry[1] === 'string',
  )
  return known.length > 0 ? `${path}?${new URLSearchParams(known)}` : path
}

/**
 * What all pages share: layout, theme, languages, cookies, the state between two requests. How a page is added:
 * docs/pages.md.
 *
 * @throws ConfigError that names every fault of the theme
 */
export const createLayout = (infra: Infrastructure, config: Settings) => {
  const theme = loadTheme(config.REKEY_THEME_DIR)
  const { render, assets } = createLook(theme)
  const keys = toKeys(config.REKEY_CODE_KEY)
  const jar = createCookieJar(config.REKEY_PUBLIC_URL.startsWith('https:'))
  const languages = createLanguageChoice(jar, config.REKEY_PROFILE === 'sandbox')
  const browserSecrets = createBrowserSecrets({ jar, keys: deriveKeys(keys, 'form token'), random: infra.random })
  const texts = createTexts('pages', theme)

  const viewOf = (request: FastifyRequest, browser: BrowserSecret | undefined): View => {
    const language = languages.languageOf(request)
    return {
      language,
      t: texts(language),
      brand: config.REKEY_BRAND,
      contact: localized(theme.file.contact, language) ?? config.REKEY_CONTACT,
      returnUrl: localized(theme.file.returnUrl, language),
      address: addressOf(request),
      csrf: browser ? browserSecrets.csrfOf(browser) : '',
    }
  }

  return {
    /** Texts of an area, with the theme's own: `textsOf('account')(view.language)('key')`. */
    textsOf: <A extends Area>(area: A): Texts<A> => createTexts(area, theme),
    jar,
    render,
    /** Registers routes of pages. */
    pageScope: createPageScope({ languages, browserSecrets, viewOf, render }),
    /** State of pages of one kind between two requests. */
    statesOf: <State>(kind: string, lifeMs: number) =>
      createPageStates<State>(infra, { kind, lifeMs, keys: deriveKeys(keys, `page state ${kind}`) }),
    routes: (app: Server) => assetRoutes(app, assets),
  }
}

export type Layout = ReturnType<typeof createLayout>
