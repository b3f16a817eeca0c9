import { EndOtherSessions, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Server } from '@rekey/platform/server'

/** B12: the end of all others. The gateway has the list, and ends one. */
export const sessionRoutes = (app: Server, endOthers: (bearer: TokenClaims, ip: string) => Promise<void>): void => {
  app.delete(
    '/api/v2/my/sessions',
    { schema: EndOtherSessions, config: { scopes: [scopes.full] } },
    async (request, reply) => {
      await endOthers(request.bearer, request.ip)
      return reply.code(204).send(null)
    },
  )
}
