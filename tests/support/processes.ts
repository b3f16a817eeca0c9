import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { eventually } from './eventually.ts'
import { createHttp } from './http.ts'
import { startInfrastructure, type Teardown } from './infrastructure.ts'
import { wideLimits } from './limits.ts'
import { startServiceProcess } from './service-process.ts'

interface Options {
  /** Variables that replace those of the sandbox, for every service. */
  env?: Record<string, string>
  /** Variables for the gateway alone. */
  gatewayEnv?: Record<string, string>
  /** True: the services serve their metrics. */
  metrics?: boolean
}

type Name = 'auth-gateway' | 'password-service' | 'notifier'

/** Starts each service as a process, which a test may kill and restart. */
export const startProcesses = async (
  t: Teardown,
  { env: given = {}, gatewayEnv = {}, metrics = false }: Options = {},
) => {
  const infrastructure = await startInfrastructure(t, { redis: true, nats: true, postgres: true, inbox: true })
  const { dataDir } = infrastructure
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir, 'sandbox')
  const keys = keyFiles(keysDir)
  const gatewayPort = await freePort()
  const url = `http://127.0.0.1:${gatewayPort}`
  const common = { profile: 'sandbox', publicUrl: url, natsUrl: infrastructure.nats.url, keysDir } as const
  const metricsPorts = new Map<Name, number>()
  const start = async (name: Name, env: Record<string, string>, port?: number) => {
    if (metrics) metricsPorts.set(name, await freePort())
    return startServiceProcess(t, {
      name,
      dataDir: join(dataDir, name),
      env: {
        ...env,
        ...given,
        ...(name === 'auth-gateway' && gatewayEnv),
        ...(metrics && { REKEY_METRICS_PORT: String(metricsPorts.get(name)) }),
      },
      ...(port !== undefined && { port }),
    })
  }

  const passwordServicePort = await freePort()
  const variablesOfGateway = {
    ...gatewayVariables({
      ...common,
      redisUrl: infrastructure.redis.url,
      passwordServiceUrl: `http://127.0.0.1:${passwordServicePort}`,
    }),
    ...wideLimits,
  }
  const { smtpUrl, httpUrl: smsUrl } = infrastructure.inbox
  const variablesOfPasswordService = {
    ...passwordServiceVariables({ ...common, databaseUrl: infrastructure.postgres.url, gatewayUrl: url }),
    ...wideLimits,
  }
  const [passwordService, gateway, notifier] = await Promise.all([
    start('password-service', variablesOfPasswordService, passwordServicePort),
    start('auth-gateway', variablesOfGateway, gatewayPort),
    start('notifier', notifierVariables({ ...common, smtpUrl, smsUrl })),
  ])
  return {
    ...infrastructure,
    http: createHttp(url),
    url,
    /** Paths of the files of secrets. */
    keys,
    gateway,
    passwordService,
    notifier,
    /** Starts another gateway on the same stores, with other variables. */
    startGateway: (env: Record<string, string>) =>
      startServiceProcess(t, {
        name: 'auth-gateway',
        dataDir: join(dataDir, 'another-gateway'),
        env: { ...variablesOfGateway, ...given, ...gatewayEnv, ...env },
      }),
    /** Starts another password-service on the same stores, with other variables. */
    startPasswordService: (env: Record<string, string>) =>
      startServiceProcess(t, {
        name: 'password-service',
        dataDir: join(dataDir, 'another-password-service'),
        env: { ...variablesOfPasswordService, ...given, ...env },
      }),
    /** The log of a service until now, one object a line. The service must log its requests. */
    async logOf(name: Name): Promise<Record<string, unknown>[]> {
      // A service writes its log after it answers, in order: once this request is logged, so is all before it.
      const traceId = randomBytes(16).toString('hex')
      const headers = { traceparent: `00-${traceId}-${traceId.slice(16)}-01` }
      await fetch(`${{ 'auth-gateway': gateway, 'password-service': passwordService, notifier }[name].url}/nothing`, {
        headers,
      })
      return eventually(
        () => {
          const text = readFileSync(join(dataDir, name, 'server.log'), 'utf8')
          const lines = text
            .split('\n')
            .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
          return lines.some((line) => line.callerTraceId === traceId) ? lines : undefined
        },
        { what: `the log of the ${name}` },
      )
    },
    /** The port of a service's metrics; they must be served. */
    metricsPortOf: (name: Name) => metricsPorts.get(name),
    /** The metrics of a service in the text format of Prometheus; they must be served. */
    metricsOf: async (name: Name) => (await fetch(`http://127.0.0.1:${metricsPorts.get(name)}/metrics`)).text(),
  }
}

export type Processes = Awaited<ReturnType<typeof startProcesses>>
