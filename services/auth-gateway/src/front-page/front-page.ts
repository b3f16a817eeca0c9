import { RekeyError } from '@rekey/contracts'
import type { Feature } from '@rekey/platform/feature'
import { chooseLanguage, localized, readTheme } from '@rekey/texts'
import { contentSecurityPolicy, frontPage } from './front-page.template.ts'

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_PUBLIC_URL: string
  REKEY_INBOX_URL?: string
  REKEY_THEME_DIR?: string
}

/**
 * The path `/`. A browser gets the sandbox's page of links; in production it is sent to the theme's return address.
 * Programs, and browsers in production without such an address, get 404: the API has nothing there.
 */
export const createFrontPage = (config: Settings): Feature => {
  const isSandbox = config.REKEY_PROFILE === 'sandbox'
  const page = frontPage({ publicUrl: config.REKEY_PUBLIC_URL, inboxUrl: config.REKEY_INBOX_URL })
  const { returnUrl } = readTheme(config.REKEY_THEME_DIR).file
  return {
    routes: (app) => {
      app.get('/', { config: { public: true, crossSite: 'navigation' } }, async ({ headers }, reply) => {
        reply.header('vary', 'accept, accept-language')
        if (!headers.accept?.includes('text/html')) throw new RekeyError('not_found')
        if (isSandbox) {
          return reply
            .type('text/html; charset=utf-8')
            .headers({ 'content-security-policy': contentSecurityPolicy, 'referrer-policy': 'no-referrer' })
            .send(page)
        }
        const home = localized(returnUrl, chooseLanguage(headers['accept-language']))
        if (home === undefined) throw new RekeyError('not_found')
        return reply.redirect(home, 302)
      })
    },
  }
}
