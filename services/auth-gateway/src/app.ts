import { version } from '@rekey/contracts'
import { auth } from '@rekey/platform/auth'
import { logsRequests } from '@rekey/platform/config'
import { refuseCrossSite } from '@rekey/platform/cross-site'
import { answers, watchDependencies } from '@rekey/platform/dependencies'
import { health } from '@rekey/platform/health'
import { createIdentityProvider } from '@rekey/platform/identity-provider'
import { measureKeyFiles } from '@rekey/platform/key-age'
import { logReads } from '@rekey/platform/log-reads'
import { serveRpcs } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { createServer, type Server } from '@rekey/platform/server'
import { toProxyList } from '@rekey/platform/trusted-proxies'
import { registerCors } from './clients/cors.ts'
import { type Config, isHttpsOnly } from './config.ts'
import { createFeatures } from './features.ts'
import { createInfrastructure } from './infrastructure.ts'

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

  const { features, clients, sessions, tokens } = await createFeatures(app, infra, config)
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
