import type { Now } from '@rekey/platform/clock'
import type { Server } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Layout } from '../layout/layout.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { createRequestReader } from './authorization-request.ts'
import { authorizeRoutes } from './authorize.routes.ts'
import { createAuthorizeService } from './authorize.service.ts'

interface Deps {
  layout: Layout
  clients: Clients
  challenges: Challenges
  tokens: Tokens
}

/** A7. Without a client of hosted restores there are no pages, and so no authorization endpoint. */
export const createAuthorize = (
  { now }: { now: Now },
  { layout: { pageScope, render }, clients, challenges, tokens }: Deps,
) => {
  return {
    ...createAuthorizeService({ clients, challenges, tokens, now }),
    async routes(app: Server): Promise<void> {
      if (clients.defaultClientId === undefined) return
      const reader = createRequestReader(clients, tokens.issuer)
      await pageScope(app, (scope) => authorizeRoutes(scope, { ...reader, render }))
    },
  }
}

export type Authorize = ReturnType<typeof createAuthorize>
