import type { Feature } from '@rekey/platform/feature'
import { acceptOAuthParameters } from '@rekey/platform/oauth-parameters'
import { registerScope } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { SecondProofs } from '../second-proofs/second-proofs.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { restoreRoutes } from './restore.routes.ts'
import { createRestoreService } from './restore.service.ts'

/** A1 and A2, also as forms (RFC 6749). */
export const createRestore = (
  clients: Clients,
  challenges: Challenges,
  tokens: Tokens,
  secondProofs: SecondProofs,
): Feature => ({
  routes: (app) =>
    registerScope(app, async (scope) => {
      acceptOAuthParameters(scope)
      restoreRoutes(scope, createRestoreService({ clients, challenges, tokens, secondProofs }))
    }),
})
