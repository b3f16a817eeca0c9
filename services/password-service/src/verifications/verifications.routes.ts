import { BeginVerification, ConfirmVerification, GetVerification, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { VerificationService } from './verifications.service.ts'

const config = { scopes: [scopes.backOffice] }
const verifications = '/api/v2/clients/:clientId/verifications'

/** C8, C9. */
export const verificationRoutes = (app: Server, service: VerificationService): void => {
  app.get(verifications, { schema: GetVerification, config }, async (request) =>
    service.show(request.params.clientId, staffOf(request)),
  )

  app.post(verifications, { schema: BeginVerification, config }, async (request, reply) => {
    const by = staffOf(request, request.body.reason)
    return reply.code(201).send(await service.begin(request.params.clientId, request.body, by))
  })

  app.post(`${verifications}/:verificationId`, { schema: ConfirmVerification, config }, async (request, reply) => {
    const { clientId, verificationId } = request.params
    const { code, reason } = request.body
    await service.confirm(clientId, { verificationId, code }, staffOf(request, reason))
    return reply.code(204).send(null)
  })
}
