import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeys } from '@rekey/local-servers/keys'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { setBuildInfo } from '@rekey/platform/build-info'
import { loadConfig } from '@rekey/platform/config'
import { createLogger } from '@rekey/platform/logger'
import {
  createMetrics,
  type DescribedMetric,
  describeMetrics,
  type Labels,
  type Metrics,
} from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import type { Runtime } from '@rekey/platform/run'
import { createApp as createGateway } from '../../services/auth-gateway/src/app.ts'
import { Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { createApp as createNotifier } from '../../services/notifier/src/app.ts'
import { Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { createApp as createPasswordService } from '../../services/password-service/src/app.ts'
import { Env as PasswordServiceEnv } from '../../services/password-service/src/config.ts'

/** A metric with the services that have it. */
export interface DocumentedMetric extends DescribedMetric {
  services: string[]
}

/** Nothing listens there: a service starts without its servers. */
const away = '127.0.0.1:9'

const servicesIn = (keysDir: string) => {
  const common = { profile: 'sandbox', publicUrl: `http://${away}`, natsUrl: `nats://${away}`, keysDir } as const
  const smsUrl = `http://${away}`
  const more = { PORT: '0' }
  return {
    'auth-gateway': (runtime: Runtime) => {
      const variables = gatewayVariables({ ...common, redisUrl: `redis://${away}`, passwordServiceUrl: smsUrl })
      return createGateway(loadConfig(GatewayEnv, { ...variables, ...more }), runtime)
    },
    'password-service': (runtime: Runtime) => {
      const databaseUrl = `postgresql://nobody@${away}/rekey`
      const variables = passwordServiceVariables({ ...common, databaseUrl, gatewayUrl: smsUrl })
      // Optional parts, which have metrics of their own.
      const optional = { REKEY_BREACH_URL: `http://${away}` }
      return createPasswordService(loadConfig(PasswordServiceEnv, { ...variables, ...optional, ...more }), runtime)
    },
    notifier: (runtime: Runtime) => {
      const variables = notifierVariables({ ...common, smtpUrl: `smtp://${away}`, smsUrl })
      return createNotifier(loadConfig(NotifierEnv, { ...variables, ...more }), runtime)
    },
  }
}

/** Starts each service for a moment, and returns the registries that they filled. */
const readRegistries = async (): Promise<[service: string, metrics: Metrics][]> => {
  const keysDir = mkdtempSync(join(tmpdir(), 'rekey-docs-'))
  try {
    await generateKeys(keysDir, 'sandbox')
    return await Promise.all(
      Object.entries(servicesIn(keysDir)).map(async ([name, start]): Promise<[string, Metrics]> => {
        const metrics = createMetrics()
        setBuildInfo(metrics, { REKEY_REVISION: 'unknown' })
        const log = createLogger({ name, level: 'silent' })
        const app = await start({ log, metrics, now: () => new Date(), random: systemRandom })
        await app.close()
        return [name, metrics]
      }),
    )
  } finally {
    rmSync(keysDir, { recursive: true, force: true })
  }
}

const unite = (one: Labels, other: Labels): Labels =>
  Object.fromEntries(
    Object.entries(one).map(([name, values]) => {
      const more = other[name] ?? []
      return [
        name,
        typeof values === 'string' || typeof more === 'string' ? values : [...new Set([...values, ...more])],
      ]
    }),
  )

/** Every metric of Rekey as its services register it, in the order of the names. */
export const documentedMetrics = async (): Promise<DocumentedMetric[]> => {
  const found = new Map<string, DocumentedMetric>()
  for (const [service, metrics] of await readRegistries()) {
    for (const metric of describeMetrics(metrics)) {
      const known = found.get(metric.name)
      if (known) {
        known.services.push(service)
        known.labels = unite(known.labels, metric.labels)
      } else found.set(metric.name, { ...metric, services: [service] })
    }
  }
  return [...found.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

const valuesOf = ([label, values]: [string, readonly string[] | string]) =>
  `\`${label}\`: ${typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ')}`

/** The table of docs/metrics.md. */
export const metricsTable = (metrics: readonly DocumentedMetric[]): string =>
  [
    '| metric | type | of | shows | labels |',
    '| --- | --- | --- | --- | --- |',
    ...metrics.map(({ name, type, services, help, labels }) => {
      const of = services.length === 3 ? 'all' : services.join(', ')
      return `| \`${name}\` | ${type} | ${of} | ${help} | ${Object.entries(labels).map(valuesOf).join('; ')} |`
    }),
  ].join('\n')
