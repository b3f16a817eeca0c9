import { setTimeout as delay } from 'node:timers/promises'
import type { Static, TObject } from '@sinclair/typebox'
import { setBuildInfo } from './build-info.ts'
import type { Now } from './clock.ts'
import { ConfigError, readConfig, type ServiceConfig } from './config.ts'
import { createLogger, type Logger, serviceLevel } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { serveMetrics } from './metrics-server.ts'
import { type Production, profileErrors, serverErrors } from './production.ts'
import { type Random, systemRandom } from './random.ts'
import type { Server } from './server.ts'
import { startTracing } from './tracing.ts'

/** Log, metrics, clock and randomness: the process gives them to `createApp`. */
export interface Runtime {
  log: Logger
  metrics: Metrics
  now: Now
  random: Random
}

interface Service<T extends TObject> {
  name: string
  env: T
  /** Requirements beyond the schema. */
  production: Production<Static<T>>
  createApp(config: Static<T>, runtime: Runtime): Promise<Server>
}

/** @throws ConfigError with every error of the configuration and of the profile's requirements */
const loadProfile = async <T extends TObject>(env: T, production: Production<Static<T>>) => {
  const { config, errors } = readConfig(env, process.env)
  const { REKEY_PROFILE: profile } = config as Partial<ServiceConfig>
  const further = await profileErrors(production, profile, config, errors)
  if (errors.length + further.length > 0) throw new ConfigError([...errors, ...further])
  return config as Static<T> & ServiceConfig
}

/** In production, load balancers need a few seconds to notice that an instance is no longer ready. */
const drainSecondsOf = ({ REKEY_DRAIN_SECONDS, REKEY_PROFILE }: ServiceConfig) =>
  REKEY_DRAIN_SECONDS ?? (REKEY_PROFILE === 'production' ? 5 : 0)

/** Counted from the end of the drain; longer than any request takes. */
const closeTimeoutMs = 8_000

/** Longest export of the last traces if there is no drain. */
const leastTraceFlushMs = 1_000

/**
 * Starts a service: configuration, app, port. SIGTERM, SIGINT, or the end of a parent process that opened a channel stop
 * it: it becomes unready, serves for REKEY_DRAIN_SECONDS, answers the requests that it has, closes and exits. It prints
 * configuration errors and exits with 1, also later if a server that was unreachable at the start turns out unfit.
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
    const log = createLogger({ name, level: serviceLevel(config.LOG_LEVEL) })
    const metrics = createMetrics()
    setBuildInfo(metrics, config)
    const runtime = { log, metrics, now: () => new Date(), random: systemRandom }
    const tracing = await startTracing(config, { ...runtime, name })
    return { config, log, metrics, tracing, app: await createApp(config, runtime) }
  }
  const { config, log, metrics, tracing, app } = await boot().catch((error) => {
    if (error instanceof ConfigError) return fail(error.message)
    throw error
  })
  const { HOST: host, PORT: port, REKEY_METRICS_HOST: metricsHost, REKEY_METRICS_PORT: metricsPort } = config

  let stopping = false
  const stop = async (reason: string) => {
    if (stopping) return
    stopping = true
    const drainSeconds = drainSecondsOf(config)
    log.event('service_stopping', { reason, drainSeconds })
    app.beginDrain()
    await delay(drainSeconds * 1_000)
    const watchdog = setTimeout(() => {
      log.event('service_not_closed', {})
      process.exit(1)
    }, closeTimeoutMs).unref()
    await app.close()
    clearTimeout(watchdog)
    await tracing.close(Math.max(drainSeconds * 1_000, leastTraceFlushMs))
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  if (process.channel) process.on('disconnect', () => void stop('the parent process ended'))

  const startMetrics = async (port: number) => {
    try {
      await serveMetrics(metrics, { host: metricsHost, port })
    } catch (error) {
      // A developer's machine may run several copies: the product works without metrics.
      if (config.REKEY_PROFILE !== 'sandbox' || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      log.event('metrics_port_busy', { port })
    }
  }

  try {
    if (metricsPort !== undefined) await startMetrics(metricsPort)
    await app.listen({ host, port })
  } catch (error) {
    const { code, address, port: busyPort } = error as NodeJS.ErrnoException & { address?: string; port?: number }
    return fail(code === 'EADDRINUSE' ? `port ${busyPort ?? port} on ${address ?? host} is busy` : String(error))
  }

  const errors = await serverErrors(production, config.REKEY_PROFILE, config)
  if (errors.length > 0) fail(new ConfigError([...errors]).message)
}
