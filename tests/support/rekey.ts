import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp as createGateway } from '@rekey/auth-gateway/app'
import { Env as GatewayEnv } from '@rekey/auth-gateway/config'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import {
  demoClient,
  demoConsoleVariables,
  demoProviderVariables,
  gatewayVariables,
  notifierVariables,
  passwordServiceVariables,
} from '@rekey/local-servers/topology'
import { createApp as createNotifier } from '@rekey/notifier/app'
import { Env as NotifierEnv } from '@rekey/notifier/config'
import { createApp as createPasswordService } from '@rekey/password-service/app'
import { Env as PasswordServiceEnv } from '@rekey/password-service/config'
import { loadConfig } from '@rekey/platform/config'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import type { Server } from '@rekey/platform/server'
import { createClock } from './clock.ts'
import { startDemoProvider } from './demo-provider.ts'
import { requireDocumentedAnswers } from './documented-answers.ts'
import { eventually } from './eventually.ts'
import { createHttp } from './http.ts'
import { startInfrastructure, type Teardown } from './infrastructure.ts'
import { wideLimits } from './limits.ts'
import type { Link } from './link.ts'
import { declaredLines } from './log-lines.ts'
import type { DatabaseSettings } from './postgres.ts'
import { hasAllParts } from './readiness.ts'

interface Options {
  /** Variables that replace those of the sandbox, for every service. */
  env?: Record<string, string>
  /** Variables for the gateway alone. With REKEY_TLS_CERT its URL is https://. */
  gatewayEnv?: Record<string, string>
  /** Variables for the password-service alone. */
  passwordServiceEnv?: Record<string, string>
  /** Host of the gateway's URL, if it must be a domain: browsers use passkeys of domains alone. */
  host?: string
  /** Starts the demo provider, and gives the gateway a console. */
  staffConsole?: boolean
  /** Connects this service to the broker through a link, which the test may delay or stall. */
  brokerLink?: { of: 'auth-gateway' | 'password-service'; link: Link }
  /** Starts a Postgres server for this test alone, which it may stop and restart. */
  privatePostgres?: boolean
  /** Settings of the database that replace the server's. */
  databaseSettings?: DatabaseSettings
}

/**
 * Starts all services in this process, composed as in production, on real servers. Their clock can be moved. Stopped when
 * the test ends.
 */
export const startRekey = async (
  t: Teardown,
  {
    env: given = {},
    gatewayEnv: givenToGateway = {},
    passwordServiceEnv = {},
    brokerLink,
    privatePostgres = false,
    databaseSettings,
    staffConsole = false,
    host = '127.0.0.1',
  }: Options = {},
) => {
  requireDocumentedAnswers(t)
  const infrastructure = await startInfrastructure(t, {
    redis: true,
    nats: true,
    inbox: true,
    postgres: privatePostgres ? 'private' : true,
    databaseSettings,
  })
  const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await generateKeys(dir, 'sandbox')

  const clock = createClock()
  const logs: string[] = []
  const destination = declaredLines(t, (line) => void logs.push(line))
  const newMetrics = () => ({
    'auth-gateway': createMetrics(),
    'password-service': createMetrics(),
    notifier: createMetrics(),
  })
  const metrics = newMetrics()
  const runtime = (name: keyof typeof metrics) => ({
    log: createLogger({ name, level: 'debug', destination }),
    metrics: metrics[name],
    now: clock.now,
    random: systemRandom,
  })

  const gatewayPort = await freePort()
  const url = `${givenToGateway.REKEY_TLS_CERT === undefined ? 'http' : 'https'}://${host}:${gatewayPort}`
  const provider = staffConsole ? await startDemoProvider(t, demoClient(url)) : undefined
  const env = { ...(provider && demoProviderVariables(provider.issuer)), ...given }
  const gatewayEnv = { ...(provider && demoConsoleVariables), ...givenToGateway }
  const { redis, nats, postgres, inbox } = infrastructure
  const common = { profile: 'sandbox', publicUrl: url, natsUrl: nats.url, keysDir: dir } as const
  brokerLink?.link.leadTo([Number(new URL(nats.url).port)])
  const brokerOf = (name: keyof typeof metrics): Record<string, string> =>
    brokerLink?.of === name ? { NATS_URL: `nats://127.0.0.1:${brokerLink.link.port}` } : {}

  const apps = new Map<keyof typeof metrics, Server>()
  const stop = async (names: Iterable<keyof typeof metrics>) => {
    for (const name of names) {
      await apps.get(name)?.close()
      apps.delete(name)
    }
  }
  t.teardown(() => Promise.all([...apps.values()].map((app) => app.close())))
  const listen = async (name: keyof typeof metrics, app: Server, port = 0) => {
    apps.set(name, app)
    return app.listen({ host: '127.0.0.1', port })
  }

  const configOfPasswordService = (more: Record<string, string> = {}) =>
    loadConfig(PasswordServiceEnv, {
      ...passwordServiceVariables({ ...common, databaseUrl: postgres.url, gatewayUrl: url }),
      PORT: '0',
      ...wideLimits,
      ...env,
      ...passwordServiceEnv,
      ...brokerOf('password-service'),
      ...more,
    })
  const passwordServiceConfig = configOfPasswordService()
  const passwordServiceUrl = await listen(
    'password-service',
    await createPasswordService(passwordServiceConfig, runtime('password-service')),
  )
  const configOfGateway = (passwordServiceUrl: string, more: Record<string, string> = {}) =>
    loadConfig(GatewayEnv, {
      ...gatewayVariables({ ...common, redisUrl: redis.url, passwordServiceUrl }),
      PORT: '0',
      ...wideLimits,
      ...env,
      ...gatewayEnv,
      ...brokerOf('auth-gateway'),
      ...more,
    })
  const gatewayConfig = configOfGateway(passwordServiceUrl)
  await listen('auth-gateway', await createGateway(gatewayConfig, runtime('auth-gateway')), gatewayPort)
  const configOfNotifier = (more: Record<string, string> = {}) =>
    loadConfig(NotifierEnv, {
      ...notifierVariables({ ...common, smtpUrl: inbox.smtpUrl, smsUrl: inbox.httpUrl }),
      PORT: '0',
      ...env,
      ...more,
    })
  const notifierUrl = await listen('notifier', await createNotifier(configOfNotifier(), runtime('notifier')))

  const http = createHttp(url)
  const areReady = async (...bases: string[]) => {
    const answers = await Promise.all(bases.map(hasAllParts))
    return answers.every(Boolean)
  }
  const isReady = () => areReady(url, passwordServiceUrl, notifierUrl)
  await eventually(isReady, { what: 'every service to be ready' })
  return {
    ...infrastructure,
    url,
    passwordServiceUrl,
    notifierUrl,
    http,
    clock,
    gatewayConfig,
    passwordServiceConfig,
    /** With `staffConsole`. */
    provider,
    /** Paths of the files of secrets. */
    keys: keyFiles(dir),
    /** Log lines of all services. */
    logs,
    /** The log of a service until now, one object a line. */
    logOf: async (name: keyof typeof metrics): Promise<Record<string, unknown>[]> =>
      logs.map((line) => JSON.parse(line)).filter(({ service }) => service === name),
    /** The metrics of each service. */
    metrics,
    /** The metrics of a service in the text format of Prometheus. */
    metricsOf: (name: keyof typeof metrics) => metrics[name].metrics(),
    /** True if every part of every service is available. */
    isReady,
    /** Stops services, in this order; `restart` starts them again. */
    stop: (...names: (keyof typeof metrics)[]) => stop(names),
    /** Stops every service, and starts all of them with other variables: at their places, with new metrics. */
    async restart(variables: Record<string, string>) {
      await stop(['auth-gateway', 'password-service', 'notifier'])
      Object.assign(metrics, newMetrics())
      const passwords = await createPasswordService(configOfPasswordService(variables), runtime('password-service'))
      const passwordServiceUrl = await listen('password-service', passwords)
      const gateway = await createGateway(configOfGateway(passwordServiceUrl, variables), runtime('auth-gateway'))
      await listen('auth-gateway', gateway, gatewayPort)
      const notifierUrl = await listen(
        'notifier',
        await createNotifier(configOfNotifier(variables), runtime('notifier')),
      )
      await eventually(() => areReady(url, passwordServiceUrl, notifierUrl), { what: 'every service to be ready' })
    },
  }
}

export type Rekey = Awaited<ReturnType<typeof startRekey>>
