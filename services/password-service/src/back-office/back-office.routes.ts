import { SetClientPassword, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { BackOffice } from './back-office.service.ts'

/** B7. The published contract's `clientId` is our customer's id. */
export const backOfficeRoutes = (app: Server, backOffice: BackOffice): void => {
  app.route({
    method: ['PUT', 'PATCH'],
    url: '/api/v2/clients/:clientId/password',
    schema: SetClientPassword,
    config: { scopes: [scopes.backOffice] },
    handler: async (request, reply) => {
      const { password, send_mail: sendMail } = request.body
      const by = { id: request.bearer.sub, clientId: request.bearer.client_id, ip: request.ip }
      await backOffice.setPassword({ customerId: request.params.clientId, password, sendMail, by })
      return reply.code(204).send(null)
    },
  })
}
