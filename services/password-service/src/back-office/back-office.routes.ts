import {
  BlockClient,
  EndClientSessions,
  EndClientWait,
  EndHold,
  GetClientPasswordChange,
  GetClientRecord,
  LiftBlock,
  ListClientFactors,
  ListClientPasswordChanges,
  ListClientRecords,
  ResetAllPasswords,
  ResetClientFactors,
  ResetClientPassword,
  SetClientPassword,
  scopes,
  VetoClientWaitingRestore,
} from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { BackOfficeService } from './back-office.service.ts'

const config = { scopes: [scopes.backOffice] }
const customer = '/api/v2/clients/:clientId'

/** B7, B8, B9, B11, the end of all sessions (B12), the second factors (C7), what staff do with a waiting restore (C11, C12), and the end of a block or a recovery hold. The contract's `clientId` is the customer's id. */
export const backOfficeRoutes = (app: Server, backOffice: BackOfficeService): void => {
  app.route({
    method: ['PUT', 'PATCH'],
    url: `${customer}/password`,
    schema: SetClientPassword,
    config,
    handler: async (request, reply) => {
      const { password, send_mail: sendMail, reason } = request.body
      const { approval } = await backOffice.setPassword({
        customerId: request.params.clientId,
        password,
        sendMail,
        by: staffOf(request, reason),
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

  app.get(`${customer}/records`, { schema: ListClientRecords, config }, async (request) =>
    backOffice.listRecords(request.params.clientId, request.query),
  )

  app.get(`${customer}/records/:recordId`, { schema: GetClientRecord, config }, async (request) =>
    backOffice.showRecord(request.params.clientId, request.params.recordId),
  )

  app.post(`${customer}/reset-password`, { schema: ResetClientPassword, config }, async (request, reply) => {
    const { approval } = await backOffice.resetPassword(request.params.clientId, staffOf(request, request.body.reason))
    return reply.code(202).send(approval ?? {})
  })

  app.post('/api/v2/clients/reset-password', { schema: ResetAllPasswords, config }, async (request, reply) => {
    const { jobId = '', approval } = await backOffice.resetAll(staffOf(request, request.body.reason))
    return reply.code(202).send(approval ?? { jobId })
  })

  app.get(`${customer}/factors`, { schema: ListClientFactors, config }, async (request) =>
    backOffice.listFactors(request.params.clientId),
  )

  app.delete(`${customer}/factors`, { schema: ResetClientFactors, config }, async (request, reply) => {
    const by = staffOf(request, request.query.reason)
    const { approval } = await backOffice.resetFactors(request.params.clientId, by)
    return approval ? reply.code(202).send(approval) : reply.code(204).send(null)
  })

  app.put(`${customer}/block`, { schema: BlockClient, config }, async (request, reply) => {
    await backOffice.block(request.params.clientId, staffOf(request, request.body.reason))
    return reply.code(204).send(null)
  })

  app.post(`${customer}/waiting-restore/veto`, { schema: VetoClientWaitingRestore, config }, async (request, reply) => {
    await backOffice.vetoWaitingRestore(request.params.clientId, staffOf(request, request.body.reason))
    return reply.code(204).send(null)
  })

  app.post(`${customer}/waiting-restore/end-wait`, { schema: EndClientWait, config }, async (request, reply) => {
    const by = staffOf(request, request.body.reason)
    return reply.code(202).send(await backOffice.endWait(request.params.clientId, by))
  })

  app.delete(`${customer}/sessions`, { schema: EndClientSessions, config }, async (request, reply) => {
    await backOffice.endSessions(request.params.clientId, staffOf(request, request.query.reason))
    return reply.code(204).send(null)
  })

  app.delete(`${customer}/block`, { schema: LiftBlock, config }, async (request, reply) => {
    const by = staffOf(request, request.query.reason)
    const { approval } = await backOffice.liftBlock(request.params.clientId, by)
    return approval ? reply.code(202).send(approval) : reply.code(204).send(null)
  })

  app.delete(`${customer}/hold`, { schema: EndHold, config }, async (request, reply) => {
    const by = staffOf(request, request.query.reason)
    const { approval } = await backOffice.endHold(request.params.clientId, by)
    return approval ? reply.code(202).send(approval) : reply.code(204).send(null)
  })
}
