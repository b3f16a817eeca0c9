import { version } from '@rekey/contracts'
import { auth } from '@rekey/platform/auth'
import { logsRequests } from '@rekey/platform/config'
import { refuseCrossSite } from '@rekey/platform/cross-site'
import { answers, watchDependencies } from '@rekey/platform/dependencies'
import type { Feature } from '@rekey/platform/feature'
import { health } from '@rekey/platform/health'
import { createIdentityProvider } from '@rekey/platform/identity-provider'
import { measureKeyFiles } from '@rekey/platform/key-age'
import { logReads } from '@rekey/platform/log-reads'
import { serveRpcs } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { createServer, type Server } from '@rekey/platform/server'
import { toProxyList } from '@rekey/platform/trusted-proxies'
import { createAccountPages } from './account-pages/account-pages.ts'
import { createApiDocuments } from './api-documents/api-documents.ts'
import { createAuthorize } from './authorize/authorize.ts'
import { createChallenges } from './challenges/challenges.ts'
import { resendCooldownMs } from './challenges/resend-cooldown.ts'
import { createClients } from './clients/clients.ts'
import { registerCors } from './clients/cors.ts'
import { type Config, isHttpsOnly } from './config.ts'
import { createConsole } from './console/console.ts'
import { createForwarding } from './forwarding/forwarding.ts'
import { createFrontPage } from './front-page/front-page.ts'
import { createInfrastructure } from './infrastructure.ts'
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

/** The auth-gateway: its infrastructure, its features in order, its shutdown. */
export const createApp = async (config: Config, runtime: Runtime): Promise<Server> => {
  const infra = createInfrastructure(config, runtime)
  const { redis, broker, metrics, progress, now, random, log, tls } = infra
  const app = await createServer({
    log,
    metrics,
    random,
    trustedProxies: toProxyList(config.REKEY_TRUSTED_PROXIES),
    logsRequests: logsRequests(config),
    adoptsTraces: config.REKEY_PROXY_TRACES,
    isHttpsOnly: isHttpsOnly(config),
    tls: tls.listener,
  })

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

  const { allowsOrigin } = clients
  await registerCors(app, { allowsOrigin, publicUrl: config.REKEY_PUBLIC_URL, log, now })
  await app.register(refuseCrossSite, { publicUrl: config.REKEY_PUBLIC_URL, allowsOrigin })
  await app.register(auth, {
    issuer: tokens.issuer,
    publicKey: async ({ kid }) => tokens.publicKey(kid),
    identityProvider: createIdentityProvider(config, { ownIssuer: tokens.issuer, now }),
    isEnded: sessions.isEnded,
    now,
  })
  logReads(app, log)
  const dependencies = { redis: () => redis.ping(), nats: () => broker.check() }
  await app.register(health, { checks: { ...dependencies, ended_sessions: sessions.complete }, progress })
  measureKeyFiles(metrics, { signing: config.REKEY_SIGNING_KEYS_FILE, secrets: config.REKEY_SECRETS_FILE })
  const passwordService = answers(`${config.REKEY_PASSWORD_SERVICE_URL}/healthz`, tls.fetch)
  watchDependencies(metrics, { ...dependencies, password_service: passwordService })
  for (const feature of features) await feature.routes?.(app)

  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000
  const consumerDeps = { broker, metrics, progress, now, random, log, service: 'auth-gateway', retryMs }
  const consumers = features.flatMap((feature) => feature.consumers?.(consumerDeps) ?? [])

  const rpcs = serveRpcs(
    { broker, ready: async () => {}, random, metrics, log },
    { name: 'auth-gateway', version, description: 'Codes, tokens and sessions.' },
    [infra.replay],
  )

  app.addHook('onClose', async () => {
    await rpcs.close()
    await Promise.all(consumers.map((consumer) => consumer.close()))
    await Promise.all(features.map((feature) => feature.close?.()))
    await infra.close()
  })
  return app
}
