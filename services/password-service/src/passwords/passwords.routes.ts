import { audiences, ChangePassword, RestorePassword, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { PasswordService } from './passwords.service.ts'

/** B1, B2. */
export const passwordRoutes = (app: Server, passwords: Pick<PasswordService, 'change' | 'restore'>): void => {
  const grantOf = (successToken: string | undefined) => app.verifyToken(audiences.grant, successToken)

  app.post(
    '/api/v2/my/password/change',
    { schema: ChangePassword, config: { scopes: [scopes.full, scopes.change] } },
    async (request, reply) => {
      const grant = await grantOf(request.headers.successtoken)
      await passwords.change({ ...request.body, grant, bearer: request.bearer, ip: request.ip })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/v2/my/password/restore',
    { schema: RestorePassword, config: { public: true } },
    async (request, reply) => {
      const grant = await grantOf(request.headers.successtoken)
      await passwords.restore({ grant, password: request.body.password, ip: request.ip })
      return reply.code(204).send(null)
    },
  )
}
