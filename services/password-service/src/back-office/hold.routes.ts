import { EndHold, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { Holds } from './end-hold.ts'

/** The contract's `clientId` is our customer's id. */
export const holdRoutes = (app: Server, holds: Holds): void => {
  app.delete(
    '/api/v2/clients/:clientId/hold',
    { schema: EndHold, config: { scopes: [scopes.backOffice] } },
    async (request, reply) => {
      await holds.end(request.params.clientId, staffOf(request))
      return reply.code(204).send(null)
    },
  )
}
