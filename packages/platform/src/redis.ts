import { readFileSync } from 'node:fs'
import { unavailable } from '@rekey/contracts'
import { Cluster, Redis as Single } from 'ioredis'
import type { Logger } from './logger.ts'

/** One server or a cluster: every key of a script has the same hash tag, so nobody needs to know which. */
export type Redis = Single | Cluster

interface Options {
  /** With `cluster`: any of its nodes, or several of them, comma-separated. */
  url: string
  cluster: boolean
  log: Logger
}

/** Of a command, a connection, or a look at who has which slots. */
const timeoutMs = 1_500
const delayOf = (attempt: number) => Math.min(attempt * 50, 1_000)

const patience = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: timeoutMs,
  commandTimeout: timeoutMs,
  // A connection whose other end is gone without a word takes commands for as long as TCP is patient, a quarter of an
  // hour, and answers none: one that left a command without an answer is replaced.
  socketTimeout: timeoutMs,
}

const connectCluster = (url: string): Cluster => {
  const seeds = url.split(',')
  const { protocol, username, password } = new URL(seeds[0] ?? '')
  const isSecure = protocol === 'rediss:'
  return new Cluster(seeds, {
    enableOfflineQueue: false,
    clusterRetryStrategy: delayOf,
    slotsRefreshTimeout: timeoutMs,
    slotsRefreshInterval: 5_000,
    // While a slot has no master the caller is told so, like anybody whose one server is away.
    retryDelayOnClusterDown: 0,
    retryDelayOnFailover: 0,
    maxRedirections: 3,
    redisOptions: {
      ...patience,
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      ...(isSecure && { tls: {} }),
    },
    // Of itself the driver connects to the address behind a node's name, and a certificate is for the name.
    ...(isSecure && { dnsLookup: (name, use) => use(null, name) }),
  })
}

/** A connection that fails within 1.5 s instead of queueing, and comes back by itself. */
export const connectRedis = ({ url, cluster, log }: Options): Redis => {
  const redis = cluster ? connectCluster(url) : new Single(url, { ...patience, retryStrategy: delayOf })
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
