import type { Server } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { twoFactorRoutes } from './two-factor.routes.ts'
import { createTwoFactorService } from './two-factor.service.ts'

/** B5, B5b, B6. */
export const createTwoFactor = (clients: Clients, challenges: Challenges, tokens: Tokens) => {
  const twoFactor = createTwoFactorService({ clients, challenges, tokens })
  return { ...twoFactor, routes: (app: Server) => twoFactorRoutes(app, twoFactor) }
}

export type TwoFactor = ReturnType<typeof createTwoFactor>
