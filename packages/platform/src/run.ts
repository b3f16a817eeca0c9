import type { Static, TObject } from '@sinclair/typebox'
import { ConfigError, loadConfig } from './config.ts'
import { createLogger, type Logger } from './logger.ts'
import { type Now, type Random, systemRandom } from './random.ts'
import type { Server } from './server.ts'

/** What every composition root is given. */
export interface Surroundings {
  log: Logger
  now: Now
  random: Random
}

interface Service<T extends TObject> {
  name: string
  env: T
  createApp(config: Static<T>, surroundings: Surroundings): Promise<Server>
}

/** Longer than any request may take. */
const closeTimeoutMs = 15_000

/**
 * Boots a service: configuration, composition, port. SIGTERM, SIGINT and the end of a parent process that opened a
 * channel stop it: it drains, closes and exits. A configuration with faults or a busy port is told in plain words.
 */
export const runService = async <T extends TObject>({ name, env, createApp }: Service<T>): Promise<void> => {
  const fail = (message: string) => {
    process.stderr.write(`${name}: ${message}\n`)
    process.exit(1)
  }
  let config: Static<T>
  try {
    config = loadConfig(env, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return fail(error.message)
  }
  const { HOST: host, PORT: port, LOG_LEVEL: level } = config as { HOST: string; PORT: number; LOG_LEVEL: string }
  const log = createLogger({ name, level })
  const app = await createApp(config, { log, now: () => new Date(), random: systemRandom })

  let stopping = false
  const stop = async (reason: string) => {
    if (stopping) return
    stopping = true
    log.info({ reason }, 'stopping')
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
    await app.listen({ host, port })
  } catch (error) {
    const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    return fail(busy ? `port ${port} on ${host} is busy` : String(error))
  }
}
