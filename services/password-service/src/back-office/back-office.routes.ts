import {
  GetClientPasswordChange,
  ListClientPasswordChanges,
  ResetAllPasswords,
  ResetClientPassword,
  SetClientPassword,
  scopes,
} from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { BackOffice } from './back-office.service.ts'

const config = { scopes: [scopes.backOffice] }
const customer = '/api/v2/clients/:clientId'

/** B7, B8, B9. The published contract's `clientId` is our customer's id. */
export const backOfficeRoutes = (app: Server, backOffice: BackOffice): void => {
  app.route({
    method: ['PUT', 'PATCH'],
    url: `${customer}/password`,
    schema: SetClientPassword,
    config,
    handler: async (request, reply) => {
      const { password, send_mail: sendMail } = request.body
      const ask = { customerId: request.params.clientId, password, sendMail, by: staffOf(request) }
      const { approval } = await backOffice.setPassword(ask)
      return approval ? reply.code(202).send(approval) : reply.code(204).send(null)
    },
  })

  app.get(`${customer}/password/changes`, { schema: ListClientPasswordChanges, config }, async (request) =>
    backOffice.listChanges(request.params.clientId, request.query),
  )

  app.get(`${customer}/password/changes/:changeId`, { schema: GetClientPasswordChange, config }, async (request) =>
    backOffice.showChange(request.params.clientId, request.params.changeId),
  )

  app.post(`${customer}/reset-password`, { schema: ResetClientPassword, config }, async (request, reply) => {
    const { approval } = await backOffice.resetPassword(request.params.clientId, staffOf(request))
    return reply.code(202).send(approval ?? {})
  })

  app.post('/api/v2/clients/reset-password', { schema: ResetAllPasswords, config }, async (request, reply) => {
    const { jobId = '', approval } = await backOffice.resetAll(staffOf(request))
    return reply.code(202).send(approval ?? { jobId })
  })
}
