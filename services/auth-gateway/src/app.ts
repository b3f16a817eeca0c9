import cors from '@fastify/cors'
import { ReportCompromise } from '@rekey/contracts'
import { auth } from '@rekey/platform/auth'
import { createBackgroundPublisher } from '@rekey/platform/background-publisher'
import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { toProxyList } from '@rekey/platform/config'
import { acceptForms } from '@rekey/platform/form'
import { health } from '@rekey/platform/health'
import { createIdentityProvider } from '@rekey/platform/identity-provider'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import { createQueue } from '@rekey/platform/queue'
import { connectRedis } from '@rekey/platform/redis'
import { callRpc } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { toKey } from '@rekey/platform/seal'
import { createServer, registerScope, type Server } from '@rekey/platform/server'
import { ensureStreams } from '@rekey/platform/streams'
import { consumeBlockLifted } from './limits/block-lifted.consumer.ts'
import { budgetSizes } from './limits/lockout.ts'
import { createBudgetStore } from './limits/lockout.store.ts'
import { createChallenges, mostFailures, mostSends } from './challenges/challenges.service.ts'
import { createChallengeStore } from './challenges/challenges.store.ts'
import { createCodeDelivery } from './challenges/code-delivery.ts'
import { createCodes } from './challenges/codes.ts'
import { twoFactorRoutes } from './two-factor/two-factor.routes.ts'
import { createTwoFactor } from './two-factor/two-factor.service.ts'
import { loadClients } from './clients/clients.ts'
import type { Config } from './config.ts'
import { forwarding } from './forwarding/forwarding.ts'
import { readAllowances } from './limits/quotas.ts'
import { createLimits } from './limits/limits.service.ts'
import { createLimitStore } from './limits/limits.store.ts'
import { loginRoutes } from './login/login.routes.ts'
import { createLogins } from './login/login.service.ts'
import { createHostedRestore } from './pages/hosted-restore.service.ts'
import { createSetNewPassword } from './pages/new-password.ts'
import { pages } from './pages/pages.ts'
import { restoreRoutes } from './restore/restore.routes.ts'
import { createRestores } from './restore/restore.service.ts'
import { createRefreshTokens } from './sessions/refresh-tokens.ts'
import { createSessions } from './sessions/sessions.service.ts'
import { createSessionStore } from './sessions/sessions.store.ts'
import { consumeSessionsEnded } from './sessions/sessions-ended.consumer.ts'
import { createAuthorizationCodes } from './tokens/authorization-codes.store.ts'
import { createClientAuthentication } from './clients/authentication.ts'
import { createGrants } from './token/grants.ts'
import { registerJwt } from './tokens/jwt.ts'
import { createPresentedTokens } from './token/presented-tokens.ts'
import { createResponder } from './tokens/response-types.ts'
import { loadSigningKeys } from './tokens/signing-keys.ts'
import { tokenRoutes } from './token/token.routes.ts'
import { createTokens } from './tokens/tokens.ts'
import { createVouching } from './clients/client-asserted-ip.ts'
import { wellKnownRoutes } from './well-known/well-known.routes.ts'

/** The auth-gateway, wired by hand. */
export const createApp = async (config: Config, { log, metrics, now, random }: Runtime): Promise<Server> => {
  const issuer = config.REKEY_PUBLIC_URL
  const profile = config.REKEY_PROFILE
  const defaultClientId = config.REKEY_DEFAULT_CLIENT_ID ?? (profile === 'sandbox' ? 'ib_localhost' : undefined)
  const clients = loadClients({ path: config.REKEY_CLIENTS_FILE, profile, defaultClientId, log })
  const identityProvider = createIdentityProvider(config, { ownIssuer: issuer, now })
  const keys = loadSigningKeys({ path: config.REKEY_SIGNING_KEYS_FILE, profile, now, log })

  const redis = connectRedis({ url: config.REDIS_URL, cluster: config.REKEY_REDIS_CLUSTER, log })
  const broker = connectBroker({ ...brokerAccess(config), name: 'auth-gateway', log, metrics })
  ensureStreams(broker, ['AUTH'], config)
  const publisher = createPublisher({ broker, source: 'auth-gateway', now, random })
  const elapsedMs = () => performance.now()
  const progress = createProgress({ elapsedMs, metrics })
  const backgroundPublisher = createBackgroundPublisher({ publisher, broker, elapsedMs, metrics, progress, log })

  const app = await createServer({ log, random, trustedProxies: toProxyList(config.REKEY_TRUSTED_PROXIES) })
  await app.register(cors, {
    origin: (origin, answer) => answer(null, origin !== undefined && clients.allowsOrigin(origin)),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'successtoken', 'traceparent'],
    exposedHeaders: ['retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'www-authenticate'],
    maxAge: 600,
    strictPreflight: false,
  })
  const sessions = createSessions({
    store: createSessionStore(redis),
    refreshTokens: createRefreshTokens({ key: toKey(config.REKEY_REFRESH_KEY), random }),
    publisher,
    lifeMs: config.REKEY_SESSION_HOURS * 3_600_000,
    now,
    random,
    log,
  })
  const { isEnded } = sessions
  await app.register(auth, { issuer, now, publicKey: async (kid) => keys.publicKey(kid), identityProvider, isEnded })
  const jwt = await registerJwt(app, { issuer, keys, mfaTokenKey: toKey(config.REKEY_MFA_TOKEN_KEY).export() })

  const codes = createCodes({ random, key: toKey(config.REKEY_CODE_KEY), digits: config.REKEY_CODE_DIGITS })
  const store = createChallengeStore(redis, {
    failures: mostFailures,
    sends: mostSends,
    cooldownMs: Math.ceil((config.REKEY_RESEND_SECONDS * 1_000) / config.REKEY_LIMITS_SCALE),
    budgets: budgetSizes(config.REKEY_LIMITS_SCALE),
  })
  const allowances = readAllowances(config)
  const limits = createLimits({ store: createLimitStore(redis), allowances, backgroundPublisher, metrics, now, log })
  const codeTtlMs = config.REKEY_CODE_TTL_SECONDS * 1_000
  const delivery = createCodeDelivery({ codes, publisher, key: toKey(config.REKEY_CODE_SEAL_KEY), codeTtlMs, now, log })
  const usernameKey = toKey(config.REKEY_USERNAME_SEAL_KEY)
  const challenges = createChallenges({
    store,
    limits,
    codes,
    delivery,
    broker,
    backgroundPublisher,
    keys: { account: toKey(config.REKEY_ACCOUNT_KEY), username: usernameKey },
    codeTtlMs,
    now,
    random,
    log,
  })
  const tokens = createTokens({ jwt, issuer, now, random })
  const authorizationCodes = createAuthorizationCodes({ redis, random, now })
  const responder = createResponder({ tokens, authorizationCodes })
  const clientAuthentication = createClientAuthentication({ clients, limits })
  const vouching = createVouching(clientAuthentication)
  const restores = createRestores({ clients, challenges, vouching, tokens, responder })
  const verifications = createQueue({
    name: 'password_verifications',
    concurrency: config.REKEY_SIGN_IN_CONCURRENCY,
    waiting: 0,
    elapsedMs,
    metrics,
    log,
  })
  const logins = createLogins({
    clients,
    limits,
    challenges,
    vouching,
    tokens,
    broker,
    verifications,
    backgroundPublisher,
    log,
  })
  const twoFactor = createTwoFactor({ clients, defaultClientId, challenges, tokens })
  const grant = createGrants({
    clientAuthentication,
    limits,
    challenges,
    authorizationCodes,
    sessions,
    tokens,
    publisher,
    now,
    random,
    log,
  })
  const presentedTokens = createPresentedTokens({ clientAuthentication, sessions, issuer })

  await registerScope(app, async (oauth) => {
    acceptForms(oauth)
    restoreRoutes(oauth, restores)
    loginRoutes(oauth, logins)
    tokenRoutes(oauth, grant, presentedTokens)
  })
  twoFactorRoutes(app, twoFactor)
  const ownPage = defaultClientId === undefined ? undefined : `${issuer}/restore`
  wellKnownRoutes(app, { issuer, changePasswordUrl: config.REKEY_CHANGE_PASSWORD_URL ?? ownPage, keys })
  const setNewPassword = createSetNewPassword({ upstream: config.REKEY_PASSWORD_SERVICE_URL })
  await pages(app, {
    brand: config.REKEY_BRAND,
    origin: issuer,
    report: (report) => callRpc(broker, ReportCompromise, report),
    hostedRestore:
      defaultClientId === undefined
        ? undefined
        : createHostedRestore({
            twoFactor,
            clientId: defaultClientId,
            spendPassword: limits.spendPassword,
            setNewPassword,
          }),
  })
  await app.register(health, { checks: { redis: () => redis.ping(), nats: () => broker.check() }, progress })
  await forwarding(app, {
    upstream: config.REKEY_PASSWORD_SERVICE_URL,
    isEnded,
    spendPassword: limits.spendPassword,
    accountOfCustomer: challenges.accountOfCustomer,
  })

  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000
  const consumerDeps = { broker, metrics, progress, now, random, log, service: 'auth-gateway', retryMs }
  const consumers = [
    ...consumeSessionsEnded(consumerDeps, sessions),
    consumeBlockLifted(consumerDeps, { store: createBudgetStore(redis), usernameKey, challenges }),
  ]

  app.addHook('onClose', async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()))
    await Promise.all([clients.close(), keys.close()])
    await backgroundPublisher.close()
    await broker.close()
    redis.disconnect()
  })
  return app
}
