import {
  audiences,
  ConfirmTotp,
  EnrolPasskey,
  EnrolTotp,
  IssueRecoveryCodes,
  ListFactors,
  RemoveFactor,
  RequestPasskeyCreation,
  scopes,
} from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { FastifyRequest } from 'fastify'
import type { FactorCall, FactorService } from './factors.service.ts'

const config = { scopes: [scopes.full] }
const factors = '/api/v2/my/factors'

/** C1 to C6. */
export const factorRoutes = (app: Server, service: FactorService): void => {
  const callOf = async (
    { bearer, ip }: Pick<FastifyRequest, 'bearer' | 'ip'>,
    { successtoken }: { successtoken?: string | undefined },
  ): Promise<FactorCall> => ({ bearer, ip, grant: await app.verifyToken(audiences.grant, successtoken) })

  app.get(factors, { schema: ListFactors, config }, async (request) =>
    service.list(await callOf(request, request.headers)),
  )

  app.post(`${factors}/totp`, { schema: EnrolTotp, config }, async (request, reply) =>
    reply.code(201).send(await service.enrol(await callOf(request, request.headers), request.body.label)),
  )

  app.post(`${factors}/totp/:factorId/confirm`, { schema: ConfirmTotp, config }, async (request, reply) => {
    const { factorId } = request.params
    await service.confirm(await callOf(request, request.headers), { factorId, code: request.body.code })
    return reply.code(204).send(null)
  })

  app.post(`${factors}/passkey/options`, { schema: RequestPasskeyCreation, config }, async (request) =>
    service.requestPasskeyCreation(await callOf(request, request.headers)),
  )

  app.post(`${factors}/passkey`, { schema: EnrolPasskey, config }, async (request, reply) => {
    const { factor } = await service.enrolPasskey(await callOf(request, request.headers), request.body)
    return reply.code(201).send(factor)
  })

  app.post(`${factors}/recovery-codes`, { schema: IssueRecoveryCodes, config }, async (request, reply) => {
    const { codes } = await service.issueCodes(await callOf(request, request.headers))
    return reply.code(201).send({ codes })
  })

  app.delete(`${factors}/:factorId`, { schema: RemoveFactor, config }, async (request, reply) => {
    await service.remove(await callOf(request, request.headers), request.params.factorId)
    return reply.code(204).send(null)
  })
}
