import { readFileSync } from 'node:fs'
import { unavailable } from '@rekey/contracts'
import { Redis } from 'ioredis'
import type { Logger } from './logger.ts'

export type { Redis }

/** A connection that fails within 1.5 s instead of queueing, and comes back by itself. */
export const connectRedis = ({ url, log }: { url: string; log: Logger }): Redis => {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_500,
    commandTimeout: 1_500,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
  })
  let away = false
  redis.on('error', (err) => {
    if (!away) log.warn({ err }, 'redis is away')
    away = true
  })
  redis.on('ready', () => {
    if (away) log.info('redis is back')
    away = false
  })
  return redis
}

/** Runs one Lua script file; its keys must share a hash tag. */
export type Script = (keys: string[], args: (string | number)[]) => Promise<unknown>

/**
 * Loads a script that is one atomic step. Sent by its hash; by its text only when the server does not know it yet.
 *
 * @throws RekeyError unavailable, from the script's runs
 */
export const loadScript = (redis: Redis, file: URL): Script => {
  const lua = readFileSync(file, 'utf8')
  const name = file.pathname
  redis.defineCommand(name, { lua })
  const command = (redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>)[name]
  return async (keys, args) => {
    try {
      return await command?.call(redis, keys.length, ...keys, ...args)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
}
