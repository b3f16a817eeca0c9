import { type ErrorCode, errors, type RekeyError } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import { acceptForms } from '@rekey/platform/form'
import { registerScope, type Server } from '@rekey/platform/server'
import { hostedRestoreRoutes } from './hosted-restore.routes.ts'
import type { HostedRestore } from './hosted-restore.service.ts'
import { type Page, renderPage, telling } from './layout.ts'
import { type AskReport, notMeRoutes } from './compromise-report.routes.ts'
import { isForeign } from './own-origin.ts'
import { stylesheet, stylesheetPath } from './stylesheet.ts'

interface Options {
  brand: string
  /** Origin that clients reach the gateway at. */
  origin: string
  report: AskReport
  /** None where no client is configured that a restore could count as: the page is not served then. */
  hostedRestore: HostedRestore | undefined
}

/** S34. Forms go to this origin alone, and nobody shows a page in a frame of theirs. */
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
const dress = (reply: Reply) => reply.type('text/html; charset=utf-8').headers(headers)

const malformed = telling(
  'That did not work',
  'What was sent is not what this page expects. Perhaps a part of the address is missing.',
  'Open the page once more from where you began.',
)
const unavailable = telling('Please try again shortly', 'We cannot do this at the moment. Try again in a few minutes.')

const errorPages: Partial<Record<ErrorCode, Page>> = {
  too_many_requests: telling('Please wait a little', 'That was asked for too often. Try again later.'),
  unavailable,
  internal: unavailable,
}

const foreignPage = telling(
  'That came from elsewhere',
  'The form was sent by another website. Nothing was done.',
  'If you want to go on, open the page from our own website or from our message.',
)

/** What a person sees in a browser: pages that need no script and no cookie. */
export const pages = async (app: Server, { brand, origin, report, hostedRestore }: Options): Promise<void> => {
  app.get(stylesheetPath, { config: { public: true } }, async (_request, reply) =>
    reply
      .type('text/css; charset=utf-8')
      .headers({
        'cache-control': 'public, max-age=31536000, immutable',
        'cross-origin-resource-policy': 'same-origin',
      })
      .send(stylesheet),
  )

  await registerScope(app, async (scope) => {
    const show = (page: Page) => renderPage(brand, page)
    scope.removeAllContentTypeParsers()
    acceptForms(scope)
    scope.addHook('onRequest', async (request, reply) => {
      dress(reply)
      if (request.method === 'POST' && isForeign(request.headers, origin))
        return reply.code(403).send(show(foreignPage))
    })
    scope.setErrorHandler((thrown: RekeyError, _request, reply) => {
      // What is refused before the scope's own hook comes here undressed.
      dress(reply)
      const error = noteError(thrown, reply)
      reply.headers(waitHeaders(error))
      return reply.code(errors[error.code].status).send(show(errorPages[error.code] ?? malformed))
    })
    notMeRoutes(scope, { brand, report, show })
    if (hostedRestore) hostedRestoreRoutes(scope, { brand, hostedRestore, show })
  })
}
