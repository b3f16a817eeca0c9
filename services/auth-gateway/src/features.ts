import type { Feature } from '@rekey/platform/feature'
import type { Server } from '@rekey/platform/server'
import { createAccountPages } from './account-pages/account-pages.ts'
import { createApiDocuments } from './api-documents/api-documents.ts'
import { createAuthorize } from './authorize/authorize.ts'
import { createChallenges } from './challenges/challenges.ts'
import { resendCooldownMs } from './challenges/resend-cooldown.ts'
import { createClients } from './clients/clients.ts'
import type { Config } from './config.ts'
import { createConsole } from './console/console.ts'
import { createForwarding } from './forwarding/forwarding.ts'
import { createFrontPage } from './front-page/front-page.ts'
import type { Infrastructure } from './infrastructure.ts'
import { createLayout } from './layout/layout.ts'
import { createAccountKeys } from './limits/account-keys.ts'
import { createLimits } from './limits/limits.ts'
import { createLogin } from './login/login.ts'
import { createPages } from './pages/pages.ts'
import { createProofSteps } from './pages/proof-steps.ts'
import { createRestore } from './restore/restore.ts'
import { createOwnWays } from './second-proofs/own-ways.ts'
import { createSecondProofs } from './second-proofs/second-proofs.ts'
import { createSessions } from './sessions/sessions.ts'
import { createStoredRecords } from './stored-records/stored-records.ts'
import { createToken } from './token/token.ts'
import { createSigningKeys } from './tokens/signing-keys.ts'
import { createTokens } from './tokens/tokens.ts'
import { createTwoFactor } from './two-factor/two-factor.ts'
import { createWellKnown } from './well-known/well-known.ts'

/** Creates the features of the auth-gateway, in order: each stands after those that it calls. */
export const createFeatures = async (app: Server, infra: Infrastructure, config: Config) => {
  const { broker } = infra
  const accountKeys = createAccountKeys(config)
  const limits = createLimits(infra, config, accountKeys)
  const signingKeys = createSigningKeys(infra, config)
  const clients = createClients(infra, config, { limits, signingKeys })
  const records = createStoredRecords(infra, config)
  const challenges = createChallenges(infra, config, { limits, accountKeys, records })
  const sessions = createSessions(infra, config, { limits, records })
  const tokens = await createTokens(app, infra, config, { signingKeys, clients, records })
  const ownWays = createOwnWays({ challenges, broker })
  const secondProofs = createSecondProofs({ ...infra, limits, challenges, ownWays, tokens })
  const proofs = createProofSteps({ ...infra, secondProofs, tokens, cooldownMs: resendCooldownMs(config) })
  const twoFactor = createTwoFactor({ ...infra, clients, challenges, tokens, secondProofs, ownWays })
  const layout = createLayout(infra, config)
  const logins = createLogin(infra, config, { accountKeys, limits, clients, challenges, tokens, secondProofs, ownWays })
  const token = createToken(infra, { limits, clients, challenges, sessions, tokens })
  const authorize = createAuthorize(infra, { layout, clients, challenges, tokens })
  const features: Feature[] = [
    limits,
    clients,
    sessions,
    tokens,
    createRestore(clients, challenges, tokens, secondProofs),
    logins,
    token,
    twoFactor,
    createWellKnown(config, clients, tokens),
    createFrontPage(config),
    createApiDocuments(config, tokens),
    layout,
    authorize,
    createPages(infra, config, { layout, limits, clients, twoFactor, authorize, proofs }),
    createAccountPages(infra, config, {
      layout,
      limits,
      accountKeys,
      clients,
      logins,
      grant: token.grant,
      twoFactor,
      proofs,
      sessions,
    }),
    createConsole(infra, config, { layout, limits }),
    createForwarding(infra, config, { clients, limits, sessions, accountKeys }),
  ]
  return { features, clients, sessions, tokens }
}
