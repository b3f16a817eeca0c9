import { PasswordRestore, PasswordRestoreVerification } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { RestoreService } from './restore.service.ts'

export const restoreRoutes = (app: Server, restores: RestoreService): void => {
  app.post('/oauth/v2/passwordRestore', { schema: PasswordRestore, config: { public: true } }, (request) =>
    restores.request(request.body, { address: request.ip, assertedIp: request.body.ip }, request.headers.authorization),
  )

  app.post(
    '/oauth/v2/passwordRestoreVerification',
    { schema: PasswordRestoreVerification, config: { public: true } },
    (request) => restores.verify(request.body, { address: request.ip }, request.headers.authorization),
  )
}
