import { acceptOAuthParameters } from '@rekey/platform/oauth-parameters'
import { createQueue } from '@rekey/platform/queue'
import { registerScope, type Server } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import type { OwnWays } from '../second-proofs/own-ways.ts'
import type { SecondProofs } from '../second-proofs/second-proofs.ts'
import { createSignInSteps } from '../steps/sign-in-steps.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { loginRoutes } from './login.routes.ts'
import { createLoginService } from './login.service.ts'

interface Settings {
  REKEY_SIGN_IN_CONCURRENCY: number
}

interface Deps {
  accountKeys: AccountKeys
  limits: Limits
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  secondProofs: SecondProofs
  ownWays: OwnWays
}

/** A4 and A4b, also as forms (RFC 6749). */
export const createLogin = (infra: Infrastructure, config: Settings, deps: Deps) => {
  const verifications = createQueue({
    ...infra,
    name: 'password_verifications',
    concurrency: config.REKEY_SIGN_IN_CONCURRENCY,
    waiting: 0,
  })
  const logins = createLoginService({ ...infra, ...deps, verifications, steps: createSignInSteps(infra.metrics) })
  return {
    ...logins,
    routes: (app: Server) =>
      registerScope(app, async (scope) => {
        acceptOAuthParameters(scope)
        loginRoutes(scope, logins)
      }),
  }
}

export type Logins = ReturnType<typeof createLogin>
