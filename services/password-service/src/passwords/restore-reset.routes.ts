import { PasswordRestoreReset } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { RestoreReset } from './restore-reset.service.ts'

/** A3. Not `scopes` in its config: OAuth's own answer to another scope is the contract's. */
export const restoreResetRoutes = (app: Server, restoreReset: RestoreReset): void => {
  app.post('/oauth/v2/passwordRestoreReset', { schema: PasswordRestoreReset }, async (request) => {
    await restoreReset({ bearer: request.bearer, body: request.body, ip: request.ip })
    return {}
  })
}
