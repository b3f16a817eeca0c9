import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const usage = `npm start [-- OPTIONS]: runs the Rekey sandbox on this machine until Ctrl-C.

  --fresh   wipe the data folder first
  --check   start, run one whole restore, print the time of each step, stop
  --help    show this

Environment:
  PORT            port of the gateway, default 8080
  INBOX_PORT      port of the inbox page, default 8025
  PROVIDER_PORT   port of the demo identity provider for /staff, default 8026
  REKEY_DATA_DIR  data folder, default .rekey
  DATABASE_URL, REDIS_URL, NATS_URL
                  servers to use; one that is not set is started here
  REKEY_METRICS_PORT
                  port of the gateway's metrics, default 9464 or another free one; the password-service and the
                  notifier take the next two
  REKEY_LIMITS_SCALE
                  multiplies all quotas, for example 1000 (1: 10 restores of an account an hour, ...)
  and the variables of each service in .env.example`

/** The environment variables that `npm start` reads. */
export const startVariables = [
  'PORT',
  'INBOX_PORT',
  'PROVIDER_PORT',
  'REKEY_IDP_ISSUER',
  'REKEY_DATA_DIR',
  'REKEY_METRICS_PORT',
  'DATABASE_URL',
  'REDIS_URL',
  'NATS_URL',
  'REKEY_PROFILE',
] as const

/** The options of `npm start`. */
export interface Settings {
  mode: 'run' | 'check' | 'help'
  fresh: boolean
  port: number
  inboxPort: number
  /** Port of the gateway's metrics; the password-service and the notifier have the next two. Undefined: free ones. */
  metricsPort: number | undefined
  /** Port of the demo identity provider; undefined with an identity provider of one's own (REKEY_IDP_ISSUER). */
  providerPort: number | undefined
  dataDir: string
  /** URLs of servers to use instead of starting them. */
  urls: { database: string | undefined; redis: string | undefined; nats: string | undefined }
}

const usualMetricsPort = 9_464

const measuredServices = ['auth-gateway', 'password-service', 'notifier'] as const
export type MeasuredService = (typeof measuredServices)[number]

/** Settings with the port of the metrics that was found. */
export interface PlacedSettings extends Settings {
  metricsPort: number
}

/** The port of a service's metrics. */
export const metricsPortOf = ({ metricsPort }: Pick<PlacedSettings, 'metricsPort'>, name: MeasuredService): number =>
  metricsPort + measuredServices.indexOf(name)

/** Rows of three ports that are tried: a developer's machine may run several copies. */
const metricsPortTries = 20

/** Finds the ports of the metrics: those of the variable, else the first three in a row that are free. */
export const placeMetrics = async (
  settings: Settings,
  isFree: (port: number) => Promise<boolean>,
): Promise<PlacedSettings> => {
  if (settings.metricsPort !== undefined) return { ...settings, metricsPort: settings.metricsPort }
  for (let row = 0; row < metricsPortTries; row += 1) {
    const placed = { ...settings, metricsPort: usualMetricsPort + row * measuredServices.length }
    const free = await Promise.all(measuredServices.map((name) => isFree(metricsPortOf(placed, name))))
    if (!free.includes(false)) return placed
  }
  // The services then start without metrics, and log it.
  return { ...settings, metricsPort: usualMetricsPort }
}

const readPort = (name: string, value: string | undefined, fallback: number) => {
  if (!value) return fallback
  if (!/^\d{1,5}$/.test(value) || Number(value) < 1 || Number(value) > 65_535) {
    throw new Error(`${name} must be a port number from 1 to 65535, not ${JSON.stringify(value)}`)
  }
  return Number(value)
}

/** Ports of three services. */
const readMetricsPort = (value: string | undefined) => {
  if (!value) return undefined
  const port = readPort('REKEY_METRICS_PORT', value, 0)
  if (port > 65_533) throw new Error('REKEY_METRICS_PORT must be 65533 at most: two more ports follow it')
  return port
}

const readUrl = (name: string, value: string | undefined, protocols: string[]) => {
  if (!value) return undefined
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw new Error(
      `${name} must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    )
  }
  return value
}

const readOptions = (args: string[]) => {
  const options = {
    fresh: { type: 'boolean' },
    check: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new Error(`${(error as Error).message} (npm start -- --help lists the options)`)
  }
}

/**
 * Reads the command line and the environment.
 * @throws Error in one line for the terminal
 */
export const readSettings = (
  args: string[],
  env: Partial<Record<(typeof startVariables)[number], string>>,
  root: string,
): Settings => {
  const values = readOptions(args)
  if (env.REKEY_PROFILE && env.REKEY_PROFILE !== 'sandbox') {
    throw new Error(`npm start runs the sandbox, not REKEY_PROFILE=${env.REKEY_PROFILE}: see docs/operations.md`)
  }
  const port = readPort('PORT', env.PORT, 8080)
  const inboxPort = readPort('INBOX_PORT', env.INBOX_PORT, 8025)
  const providerPort = env.REKEY_IDP_ISSUER ? undefined : readPort('PROVIDER_PORT', env.PROVIDER_PORT, 8026)
  const taken = new Map<number, string>()
  for (const [name, wanted] of Object.entries({ PORT: port, INBOX_PORT: inboxPort, PROVIDER_PORT: providerPort })) {
    if (wanted === undefined) continue
    if (taken.has(wanted)) throw new Error(`${taken.get(wanted)} and ${name} are both ${wanted}`)
    taken.set(wanted, name)
  }
  return {
    mode: values.help ? 'help' : values.check ? 'check' : 'run',
    fresh: values.fresh ?? false,
    port,
    inboxPort,
    metricsPort: readMetricsPort(env.REKEY_METRICS_PORT),
    providerPort,
    dataDir: resolve(root, env.REKEY_DATA_DIR || '.rekey'),
    urls: {
      database: readUrl('DATABASE_URL', env.DATABASE_URL, ['postgresql:', 'postgres:']),
      redis: readUrl('REDIS_URL', env.REDIS_URL, ['redis:', 'rediss:']),
      nats: readUrl('NATS_URL', env.NATS_URL, ['nats:', 'tls:']),
    },
  }
}
