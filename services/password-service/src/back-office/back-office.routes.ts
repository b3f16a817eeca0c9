import {
  EndHold,
  GetClientPasswordChange,
  LiftBlock,
  ListClientPasswordChanges,
  ResetAllPasswords,
  ResetClientPassword,
  SetClientPassword,
  scopes,
} from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { type Staff, staffOf } from '../staff/staff.ts'
import type { BackOfficeService } from './back-office.service.ts'

const config = { scopes: [scopes.backOffice] }
const customer = '/api/v2/clients/:clientId'

interface BackOffice extends BackOfficeService {
  liftBlock(customerId: number, by: Staff): Promise<void>
  endHold(customerId: number, by: Staff): Promise<void>
}

/** B7, B8, B9, and the end of a block or a recovery hold. The contract's `clientId` is the customer's id. */
export const backOfficeRoutes = (app: Server, backOffice: BackOffice): void => {
  app.route({
    method: ['PUT', 'PATCH'],
    url: `${customer}/password`,
    schema: SetClientPassword,
    config,
    handler: async (request, reply) => {
      const { password, send_mail: sendMail } = request.body
      const { approval } = await backOffice.setPassword({
        customerId: request.params.clientId,
        password,
        sendMail,
        by: staffOf(request),
      })
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

  app.delete(`${customer}/block`, { schema: LiftBlock, config }, async (request, reply) => {
    await backOffice.liftBlock(request.params.clientId, staffOf(request))
    return reply.code(204).send(null)
  })

  app.delete(`${customer}/hold`, { schema: EndHold, config }, async (request, reply) => {
    await backOffice.endHold(request.params.clientId, staffOf(request))
    return reply.code(204).send(null)
  })
}
