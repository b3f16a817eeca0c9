import { errors, type RekeyError } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import { acceptForms } from '@rekey/platform/form'
import { registerScope, type Server } from '@rekey/platform/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BrowserSecret, BrowserSecrets } from './browser-secret.ts'
import { errorPage } from './error-pages.ts'
import type { createLanguageChoice } from './language.ts'
import { OutdatedForm } from './outdated-form.ts'
import type { Page, View } from './view.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Language, texts and links for the templates of this request. Only on routes of pages. */
    view: View
    /** The browser's secret, which finds the state of its pages. Only on routes of pages. */
    browser: BrowserSecret
  }
  interface FastifyContextConfig {
    /** True for a page without cookie, state and form token: what it does must be proven by its form alone. */
    isStateless?: boolean
  }
}

interface Options {
  languages: ReturnType<typeof createLanguageChoice>
  browserSecrets: BrowserSecrets
  /** @param browser undefined: the page has no forms */
  viewOf(request: FastifyRequest, browser: BrowserSecret | undefined): View
  render(view: View, page: Page): string
}

interface PageHeaders {
  /** An origin to which the answer to a form may redirect, besides our own. */
  formTarget?: string
}

/** S34: content comes from this origin alone, forms go to it, and other sites cannot frame a page. */
export const pageHeaders = ({ formTarget }: PageHeaders = {}) => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    `form-action 'self'${formTarget === undefined ? '' : ` ${formTarget}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Language, Cookie',
})

const setPageHeaders = (reply: FastifyReply) => reply.type('text/html; charset=utf-8').headers(pageHeaders())

/**
 * Registers routes of pages: they take forms, have `request.view` and `request.browser`, and answer every error with a
 * page. A form without the token of its browser is refused before its route runs (S34), unless the route is stateless.
 */
export const createPageScope =
  ({ languages, browserSecrets, viewOf, render }: Options) =>
  (app: Server, wire: (scope: Server) => void | Promise<void>): Promise<void> =>
    registerScope(app, async (scope) => {
      scope.removeAllContentTypeParsers()
      acceptForms(scope)

      scope.addHook('onRequest', async (request, reply) => {
        setPageHeaders(reply)
        const chosen = languages.cookieOf(request)
        if (chosen !== undefined) reply.header('set-cookie', chosen)
        if (request.routeOptions.config.isStateless) {
          request.view = viewOf(request, undefined)
          return
        }
        request.browser = browserSecrets.read(request)
        request.view = viewOf(request, request.browser)
        // Each page begins the cookie's life anew. A form's browser has it already.
        if (request.method === 'GET') reply.header('set-cookie', browserSecrets.cookieOf(request.browser))
      })

      scope.addHook('preValidation', async (request) => {
        if (request.method !== 'POST' || request.routeOptions.config.isStateless) return
        const { csrf } = (request.body ?? {}) as { csrf?: unknown }
        if (!browserSecrets.isOwnForm(request.browser, csrf)) throw new OutdatedForm()
      })

      scope.setErrorHandler((thrown: RekeyError, request, reply) => {
        // A request refused before the first hook has no page headers yet.
        setPageHeaders(reply)
        const error = noteError(thrown, reply)
        reply.headers(waitHeaders(error))
        const view = request.view ?? viewOf(request, undefined)
        return reply.code(errors[error.code].status).send(render(view, errorPage(view, error)))
      })

      await wire(scope)
    })

export type PageScope = ReturnType<typeof createPageScope>
