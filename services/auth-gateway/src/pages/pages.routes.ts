import type { IncomingHttpHeaders } from 'node:http'
import { type ErrorCode, errors, type RekeyError } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import { acceptForms } from '@rekey/platform/form'
import { registerScope, type Server } from '@rekey/platform/server'
import { compromiseReportRoutes, type ReportCompromiseRpc } from './compromise-report.routes.ts'
import { hostedRestoreRoutes } from './hosted-restore.routes.ts'
import type { HostedRestore } from './hosted-restore.service.ts'
import { type Page, renderPage, textPage } from './layout.ts'
import { stylesheet, stylesheetPath } from './stylesheet.ts'

interface Options {
  brand: string
  /** The gateway's own origin. */
  origin: string
  report: ReportCompromiseRpc
  /** Undefined: no client is configured for hosted restores, so the page is not served. */
  hostedRestore: HostedRestore | undefined
}

/** S34: forms go to this origin only, and other sites cannot frame a page. */
const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

interface Reply {
  type(contentType: string): { headers(values: Record<string, string>): unknown }
}
const setPageHeaders = (reply: Reply) => reply.type('text/html; charset=utf-8').headers(headers)

/**
 * True if another site sent the form (S34, ASVS 3.5.1). The pages use no cookie, so a forged form gains little; the
 * check keeps other sites from sending a customer's browser here at all. `Origin: null` is accepted: browsers send it
 * from our own pages, which send no referrer (Fetch standard, "serializing a request origin"), and they then send
 * `Sec-Fetch-Site` as well.
 */
const isCrossSite = (headers: IncomingHttpHeaders, own: string): boolean => {
  const { origin, 'sec-fetch-site': site } = headers
  const isOtherSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  const isOtherOrigin = origin !== undefined && origin !== 'null' && origin !== own
  return isOtherSite || isOtherOrigin
}

const malformedPage = textPage(
  'That did not work',
  'What was sent is not what this page expects. Perhaps a part of the address is missing.',
  'Open the page once more from where you began.',
)
const unavailablePage = textPage(
  'Please try again shortly',
  'We cannot do this at the moment. Try again in a few minutes.',
)

const errorPages: Partial<Record<ErrorCode, Page>> = {
  too_many_requests: textPage('Please wait a little', 'That was asked for too often. Try again later.'),
  unavailable: unavailablePage,
  internal: unavailablePage,
}

const crossSitePage = textPage(
  'That came from elsewhere',
  'The form was sent by another website. Nothing was done.',
  'If you want to go on, open the page from our own website or from our message.',
)

/** Pages for a browser, without scripts and cookies. */
export const pageRoutes = async (app: Server, { brand, origin, report, hostedRestore }: Options): Promise<void> => {
  app.get(stylesheetPath, { config: { public: true } }, async (_request, reply) =>
    reply
      .removeHeader('pragma')
      .type('text/css; charset=utf-8')
      .headers({
        'cache-control': 'public, max-age=31536000, immutable',
        'cross-origin-resource-policy': 'same-origin',
      })
      .send(stylesheet),
  )

  await registerScope(app, async (scope) => {
    const render = (page: Page) => renderPage(brand, page)
    scope.removeAllContentTypeParsers()
    acceptForms(scope)
    scope.addHook('onRequest', async (request, reply) => {
      setPageHeaders(reply)
      if (request.method === 'POST' && isCrossSite(request.headers, origin)) {
        return reply.code(403).send(render(crossSitePage))
      }
    })
    scope.setErrorHandler((thrown: RekeyError, _request, reply) => {
      // A request refused before the hook above has no page headers yet.
      setPageHeaders(reply)
      const error = noteError(thrown, reply)
      reply.headers(waitHeaders(error))
      return reply.code(errors[error.code].status).send(render(errorPages[error.code] ?? malformedPage))
    })
    compromiseReportRoutes(scope, { brand, report, render })
    if (hostedRestore) hostedRestoreRoutes(scope, { brand, hostedRestore, render })
  })
}
