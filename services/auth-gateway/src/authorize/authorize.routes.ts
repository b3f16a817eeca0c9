import { Authorize } from '@rekey/contracts'
import { noteError } from '@rekey/platform/errors'
import type { Server } from '@rekey/platform/server'
import { textPage } from '../layout/renderer.ts'
import type { Page, View } from '../layout/view.ts'
import { AuthorizationError, type RequestReader, UnregisteredError } from './authorization-request.ts'

interface Deps extends RequestReader {
  render(view: View, page: Page): string
}

/** A7. A valid request leads to the pages of the hosted restore, which check it again. */
export const authorizeRoutes = (app: Server, { readRequest, render }: Deps): void => {
  const config = { public: true, crossSite: 'navigation' as const, isStateless: true }
  app.get('/oauth/v2/authorize', { schema: { querystring: Authorize.querystring }, config }, async (request, reply) => {
    try {
      const { clientId, redirectUri, state, codeChallenge } = readRequest(request.query)
      const query = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        ...(state !== '' && { state }),
        code_challenge: codeChallenge,
      })
      return reply.redirect(`/restore?${query}`, 303)
    } catch (error) {
      if (error instanceof AuthorizationError) {
        noteError(error, reply)
        return reply.redirect(error.location, 303)
      }
      if (!(error instanceof UnregisteredError)) throw error
      noteError(error, reply)
      const { view } = request
      const page = textPage(view.t('client.title'), view.t('client.what'), view.t(error.reason))
      return reply.code(400).send(render(view, page))
    }
  })
}
