import type { Server } from '@rekey/platform/server'
import { twoFactorRoutes } from './two-factor.routes.ts'
import { createTwoFactorService, type TwoFactorDeps } from './two-factor.service.ts'

/** B5, B5b, B6. */
export const createTwoFactor = (deps: TwoFactorDeps) => {
  const twoFactor = createTwoFactorService(deps)
  return { ...twoFactor, routes: (app: Server) => twoFactorRoutes(app, twoFactor) }
}

export type TwoFactor = ReturnType<typeof createTwoFactor>
