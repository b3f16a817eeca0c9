import { LiftBlock, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Reports } from '../compromise-reports/compromise-reports.service.ts'
import { staffOf } from '../staff/staff.ts'

/** What "it was not me" began is ended by the back office alone. The contract's `clientId` is our customer's id. */
export const reportRoutes = (app: Server, { liftBlock }: Pick<Reports, 'liftBlock'>): void => {
  app.delete(
    '/api/v2/clients/:clientId/block',
    { schema: LiftBlock, config: { scopes: [scopes.backOffice] } },
    async (request, reply) => {
      await liftBlock(request.params.clientId, staffOf(request))
      return reply.code(204).send(null)
    },
  )
}
