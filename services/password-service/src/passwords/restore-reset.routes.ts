import { PasswordRestoreReset } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { RestoreReset } from './restore-reset.service.ts'

/** A3. Without `scopes` in its config: the service refuses a wrong scope with OAuth's error. */
export const restoreResetRoutes = (app: Server, restoreReset: RestoreReset): void => {
  app.post('/oauth/v2/passwordRestoreReset', { schema: PasswordRestoreReset }, async (request) => {
    await restoreReset({ bearer: request.bearer, body: request.body, ip: request.ip })
    return {}
  })
}
