import type { Feature } from '@rekey/platform/feature'
import { acceptForms } from '@rekey/platform/form'
import { createQueue } from '@rekey/platform/queue'
import { registerScope } from '@rekey/platform/server'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
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
}

/** A4 and A4b, also as forms (RFC 6749). */
export const createLogin = (infra: Infrastructure, config: Settings, deps: Deps): Feature => {
  const verifications = createQueue({
    ...infra,
    name: 'password_verifications',
    concurrency: config.REKEY_SIGN_IN_CONCURRENCY,
    waiting: 0,
  })
  return {
    routes: (app) =>
      registerScope(app, async (scope) => {
        acceptForms(scope, { restorePlusIn: ['username'] })
        loginRoutes(scope, createLoginService({ ...infra, ...deps, verifications }))
      }),
  }
}
