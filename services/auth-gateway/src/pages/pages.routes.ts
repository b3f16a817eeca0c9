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
  report: ReportCompromiseRpc
  /** Spends the quota of one submitted token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
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
  cross_site_request: textPage(
    'That came from elsewhere',
    'The form was sent by another website. Nothing was done.',
    'If you want to go on, open the page from our own website or from our message.',
  ),
  too_many_requests: textPage('Please wait a little', 'That was asked for too often. Try again later.'),
  unavailable: unavailablePage,
  internal: unavailablePage,
}

/** Pages for a browser, without scripts and cookies. */
export const pageRoutes = async (app: Server, { brand, report, spendToken, hostedRestore }: Options): Promise<void> => {
  app.get(stylesheetPath, { config: { public: true, crossSite: 'read' } }, async (_request, reply) =>
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
    scope.addHook('onRequest', async (_request, reply) => void setPageHeaders(reply))
    scope.setErrorHandler((thrown: RekeyError, _request, reply) => {
      // A request refused before the hook above has no page headers yet.
      setPageHeaders(reply)
      const error = noteError(thrown, reply)
      reply.headers(waitHeaders(error))
      return reply.code(errors[error.code].status).send(render(errorPages[error.code] ?? malformedPage))
    })
    compromiseReportRoutes(scope, { brand, report, spendToken, render })
    if (hostedRestore) hostedRestoreRoutes(scope, { brand, hostedRestore, render })
  })
}
