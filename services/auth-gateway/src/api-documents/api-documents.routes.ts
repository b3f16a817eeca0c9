import { AsyncapiDocument, errors, OpenapiDocument, type RekeyError } from '@rekey/contracts'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { openapi } from '@rekey/contracts/documents/openapi'
import { noteError } from '@rekey/platform/errors'
import { registerScope, type Server } from '@rekey/platform/server'
import { cachedDocument, etagOf, sendCached } from '../well-known/cached-document.ts'
import { apiPage, errorPage, eventsPage } from './pages.template.ts'
import { assetOf, assetPaths } from './viewer.ts'

/**
 * Scripts, styles and requests of this origin only; `data:` for the viewer's icons. The viewer neither evaluates text nor
 * writes inline styles, so that it needs no exception (S34).
 */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

const html = 'text/html; charset=utf-8'

/** Calls the function once, when its result is first wanted. */
const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** @param url public origin of the gateway */
export const apiDocumentRoutes = async (app: Server, { url }: { url: string }): Promise<void> => {
  const events = once(asyncapi)
  cachedDocument(
    app,
    '/openapi.json',
    OpenapiDocument,
    once(() => openapi({ url })),
  )
  cachedDocument(app, '/asyncapi.json', AsyncapiDocument, events)

  await registerScope(app, async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => void reply.headers(headers))
    scope.setErrorHandler((thrown: RekeyError, _request, reply) => {
      const { status, title } = errors[noteError(thrown, reply).code]
      return reply.headers(headers).code(status).type(html).send(errorPage(title))
    })
    const pages: Record<string, () => string> = {
      '/docs': () => apiPage,
      '/docs/events': once(() => eventsPage(events())),
    }
    for (const [path, render] of Object.entries(pages)) {
      scope.get(path, { config: { public: true, crossSite: 'navigation' } }, (request, reply) => {
        const body = render()
        return sendCached(request, reply, { body, etag: etagOf(body), type: html })
      })
    }
    for (const path of assetPaths) {
      scope.get(path, { config: { public: true, crossSite: 'read' } }, (request, reply) => {
        const { type, plain, gzip } = assetOf(path)
        const isCompressed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
        reply.header('vary', 'Accept-Encoding')
        if (isCompressed) reply.header('content-encoding', 'gzip')
        return sendCached(request, reply, { type, ...(isCompressed ? gzip : plain) })
      })
    }
  })
}
