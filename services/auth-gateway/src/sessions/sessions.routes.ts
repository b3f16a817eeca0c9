import { EndSession, ListClientSessions, ListSessions, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { SessionList } from './session-list.ts'

/** B12, without the end of all: the password-service has the epoch that ends them. */
export const sessionRoutes = (app: Server, sessions: SessionList): void => {
  app.get('/api/v2/my/sessions', { schema: ListSessions, config: { scopes: [scopes.full] } }, (request) =>
    sessions.ofCustomer(request.bearer),
  )

  app.delete(
    '/api/v2/my/sessions/:sessionId',
    { schema: EndSession, config: { scopes: [scopes.full] } },
    async (request, reply) => {
      await sessions.endOne(request.bearer, request.params.sessionId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/api/v2/clients/:clientId/sessions',
    { schema: ListClientSessions, config: { scopes: [scopes.backOffice] } },
    (request) => sessions.ofClient(request.params.clientId, request.bearer, request.ip),
  )
}
