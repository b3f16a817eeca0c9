import { setTimeout as delay } from 'node:timers/promises'
import type { Static, TObject } from '@sinclair/typebox'
import type { Now } from './clock.ts'
import { ConfigError, readConfig, type ServiceConfig } from './config.ts'
import { createLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics, serveMetrics } from './metrics.ts'
import { faultsOnceTheyAnswer, type Production, profileFaults } from './production.ts'
import { type Random, systemRandom } from './random.ts'
import type { Server } from './server.ts'

/** What every composition root is given. */
export interface Runtime {
  log: Logger
  metrics: Metrics
  now: Now
  random: Random
}

interface Service<T extends TObject> {
  name: string
  env: T
  /** What the profile insists on beyond the schema. */
  production: Production<Static<T>>
  createApp(config: Static<T>, runtime: Runtime): Promise<Server>
}

/** @throws ConfigError naming every fault of the configuration, and of what the profile insists on, in one list */
const loadProfile = async <T extends TObject>(env: T, production: Production<Static<T>>) => {
  const { config, faults } = readConfig(env, process.env)
  const { REKEY_PROFILE: profile } = config as Partial<ServiceConfig>
  const further = await profileFaults(production, profile, config, faults)
  if (faults.length + further.length > 0) throw new ConfigError([...faults, ...further])
  return config as Static<T> & ServiceConfig
}

/** In production balancers take a few seconds to notice that a service is not ready any more. */
const drainSecondsOf = ({ REKEY_DRAIN_SECONDS, REKEY_PROFILE }: ServiceConfig) =>
  REKEY_DRAIN_SECONDS ?? (REKEY_PROFILE === 'production' ? 5 : 0)

/** From the end of the drain: longer than any request takes. */
const closeTimeoutMs = 8_000

/**
 * Boots a service: configuration, composition, port. SIGTERM, SIGINT and the end of a parent process that opened a
 * channel stop it: it says that it is not ready and serves on for a while, answers what is in hand, closes and exits.
 * A configuration with faults or a busy port is told in plain words. A server that is not what it should be ends the
 * service too, as soon as it answers.
 */
export const runService = async <T extends TObject>({
  name,
  env,
  production,
  createApp,
}: Service<T>): Promise<void> => {
  const fail = (message: string): never => {
    process.stderr.write(`${name}: ${message}\n`)
    process.exit(1)
  }
  const boot = async () => {
    const config = await loadProfile(env, production)
    const log = createLogger({ name, level: config.LOG_LEVEL })
    const metrics = createMetrics()
    const runtime = { log, metrics, now: () => new Date(), random: systemRandom }
    return { config, log, metrics, app: await createApp(config, runtime) }
  }
  const { config, log, metrics, app } = await boot().catch((error) => {
    if (error instanceof ConfigError) return fail(error.message)
    throw error
  })
  const { HOST: host, PORT: port, REKEY_METRICS_HOST: metricsHost, REKEY_METRICS_PORT: metricsPort } = config

  let stopping = false
  const stop = async (reason: string) => {
    if (stopping) return
    stopping = true
    const drainSeconds = drainSecondsOf(config)
    log.info({ reason, drainSeconds }, 'stopping')
    app.beginDrain()
    await delay(drainSeconds * 1_000)
    setTimeout(() => {
      log.error('not closed in time')
      process.exit(1)
    }, closeTimeoutMs).unref()
    await app.close()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  if (process.channel) process.on('disconnect', () => void stop('the parent process ended'))

  try {
    if (metricsPort !== undefined) await serveMetrics(metrics, { host: metricsHost, port: metricsPort })
    await app.listen({ host, port })
  } catch (error) {
    const { code, address, port: busyPort } = error as NodeJS.ErrnoException & { address?: string; port?: number }
    return fail(code === 'EADDRINUSE' ? `port ${busyPort ?? port} on ${address ?? host} is busy` : String(error))
  }

  const faults = await faultsOnceTheyAnswer(production, config.REKEY_PROFILE, config)
  if (faults.length > 0) fail(new ConfigError([...faults]).message)
}
