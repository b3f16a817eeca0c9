import { readFileSync } from 'node:fs'
import { deriveKeys, toKeys } from '@rekey/platform/keys'
import type { Server } from '@rekey/platform/server'
import { type Area, createTexts, localized, type Texts } from '@rekey/texts'
import type { FastifyRequest } from 'fastify'
import type { Infrastructure } from '../infrastructure.ts'
import { type Asset, assetRoutes, createAsset } from './assets.ts'
import { type BrowserSecret, createBrowserSecrets } from './browser-secret.ts'
import { createCookieJar } from './cookies.ts'
import { createLanguageChoice } from './language.ts'
import { createPageScope } from './page-scope.ts'
import { createPageStates } from './page-state.ts'
import { loadTheme } from './page-theme.ts'
import { createRenderer } from './renderer.ts'
import { createStylesheet } from './stylesheet.ts'
import { themeAssets } from './theme-assets.ts'
import type { View } from './view.ts'

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_PUBLIC_URL: string
  REKEY_BRAND: string
  REKEY_CONTACT: string
  REKEY_THEME_DIR?: string
  REKEY_CODE_KEY: string
}

const defaultIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1746a2"/><path d="M16 7a5 5 0 0 0-2 9.6V25h4v-3h3v-4h-3v-1.4A5 5 0 0 0 16 7z" fill="#fff"/></svg>`

/**
 * What all pages share: layout, theme, languages, cookies, the state between two requests. How a page is added:
 * docs/pages.md.
 *
 * @throws ConfigError that names every fault of the theme
 */
export const createLayout = (infra: Infrastructure, config: Settings) => {
  const theme = loadTheme(config.REKEY_THEME_DIR)
  const files = themeAssets(theme)
  const stylesheet = createStylesheet(theme, files.font)
  const script = createAsset(
    'js',
    'text/javascript; charset=utf-8',
    readFileSync(new URL('./page.js', import.meta.url), 'utf8'),
  )
  const favicon = files.favicon ?? createAsset('svg', 'image/svg+xml', defaultIcon)
  const assets: Asset[] = [stylesheet, script, favicon, ...Object.values(files)]
  const paths = { stylesheet: stylesheet.path, script: script.path, favicon: favicon.path }

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
      address: request.url,
      csrf: browser ? browserSecrets.csrfOf(browser) : '',
    }
  }
  const render = createRenderer({ theme, paths, themeAssets: files })

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
