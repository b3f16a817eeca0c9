import { version } from '@rekey/contracts'
import { auth } from '@rekey/platform/auth'
import { logsRequests } from '@rekey/platform/config'
import { answers, watchDependencies } from '@rekey/platform/dependencies'
import { health } from '@rekey/platform/health'
import { createIdentityProvider } from '@rekey/platform/identity-provider'
import { createIssuerKeys } from '@rekey/platform/issuer-keys'
import { measureKeyFiles } from '@rekey/platform/key-age'
import { logReads } from '@rekey/platform/log-reads'
import { serveRpcs } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { createServer, type Server } from '@rekey/platform/server'
import { toProxyList } from '@rekey/platform/trusted-proxies'
import type { Config } from './config.ts'
import { createFeatures } from './features.ts'
import { createInfrastructure, type Infrastructure } from './infrastructure.ts'
import type { Sessions } from './sessions/sessions.feature.ts'
import { startSweeper } from './sweeper.ts'

const registerAuth = async (app: Server, config: Config, { now, tls }: Infrastructure, { isEnded }: Sessions) => {
  const gatewayKeys = createIssuerKeys({ jwksUrl: config.REKEY_JWKS_URL, now, send: tls.fetch })
  await app.register(auth, {
    issuer: config.REKEY_PUBLIC_URL,
    publicKey: gatewayKeys,
    identityProvider: createIdentityProvider(config, { ownIssuer: config.REKEY_PUBLIC_URL, now }),
    isEnded,
    now,
  })
}

/** Creates the password-service. Neither Postgres nor the broker nor the gateway needs to be up yet. */
export const createApp = async (config: Config, runtime: Runtime): Promise<Server> => {
  const infra = createInfrastructure(config, runtime)
  const { broker, database, progress, metrics, log, random, service, tls } = infra
  const { features, sessions } = await createFeatures(infra, config)

  const trustedProxies = toProxyList(config.REKEY_TRUSTED_PROXIES)
  const app = await createServer({
    log,
    metrics,
    random,
    trustedProxies,
    adoptsTraces: true,
    logsRequests: logsRequests(config),
    tls: tls.listener,
  })
  await registerAuth(app, config, infra, sessions)
  logReads(app, log)
  for (const feature of features) await feature.routes?.(app)
  const checks = { postgres: database.check, nats: () => broker.check() }
  await app.register(health, { checks, progress })
  measureKeyFiles(metrics, { secrets: config.REKEY_SECRETS_FILE })
  watchDependencies(metrics, { ...checks, gateway_jwks: answers(config.REKEY_JWKS_URL, tls.fetch) })

  const rpcs = serveRpcs(
    { broker, ready: database.check, random, metrics, log },
    { name: service, version, description: 'Customers and their passwords.' },
    [...features.flatMap((feature) => feature.rpcs ?? []), infra.replay],
  )
  const consumers = features.flatMap((feature) => feature.consumers?.(infra) ?? [])
  const deletions = Object.assign({}, ...features.map((feature) => feature.deletions))
  const sweeper = startSweeper({ ...infra, deletions })

  // Fastify has answered every request before onClose. First the intake stops, then the features' background work, each
  // before what it calls; last the connections. Events that were not published stay in Postgres.
  app.addHook('onClose', async () => {
    await Promise.all([rpcs.close(), sweeper.close(), ...consumers.map((consumer) => consumer.close())])
    for (const feature of features.toReversed()) await feature.close?.()
    await infra.close()
  })
  return app
}
