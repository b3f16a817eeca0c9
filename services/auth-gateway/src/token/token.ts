import { acceptOAuthParameters } from '@rekey/platform/oauth-parameters'
import { registerScope, type Server } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { createSignInSteps } from '../steps/sign-in-steps.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { createGrant } from './grants.ts'
import { createIntrospect } from './introspect.ts'
import { createRevoke } from './revoke.ts'
import { tokenRoutes } from './token.routes.ts'

interface Deps {
  limits: Limits
  clients: Clients
  challenges: Challenges
  sessions: Sessions
  tokens: Tokens
}

/** A5 and A6, also as forms (RFC 6749). */
export const createToken = (infra: Infrastructure, deps: Deps) => {
  const { clients, sessions, tokens } = deps
  const grant = createGrant({ ...infra, ...deps, steps: createSignInSteps(infra.metrics) })
  const revoke = createRevoke(clients, sessions, deps.limits)
  const introspect = createIntrospect(clients, sessions, tokens.issuer)
  return {
    grant,
    routes: (app: Server) =>
      registerScope(app, async (scope) => {
        acceptOAuthParameters(scope)
        tokenRoutes(scope, { grant, revoke, introspect })
      }),
  }
}
