import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { unavailable } from '@rekey/contracts'
import { Cluster, Redis as Single } from 'ioredis'
import { batchWrites } from './batched-writes.ts'
import type { Logger } from './logger.ts'
import type { NewSpan } from './span.ts'
import { inSpan } from './trace.ts'

/** One server or a cluster. All keys of a script have one hash tag, so that scripts run on both. */
export type Redis = Single | Cluster

interface Options {
  /** With `cluster`: any of its nodes, or several of them, comma-separated. */
  url: string
  cluster: boolean
  log: Logger
}

/** Timeout of a command, a connection, and a refresh of the cluster's slots. */
const timeoutMs = 1_500
const reconnectMs = (attempt: number) => Math.min(attempt * 50, 1_000)

const timeouts = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: timeoutMs,
  commandTimeout: timeoutMs,
  // A peer that vanished without closing leaves the connection open until TCP times out, about 15 minutes: replace a
  // connection on which a command got no answer.
  socketTimeout: timeoutMs,
}

const connectCluster = (url: string): Cluster => {
  const seeds = url.split(',')
  const { protocol, username, password } = new URL(seeds[0] ?? '')
  const isSecure = protocol === 'rediss:'
  return new Cluster(seeds, {
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectMs,
    slotsRefreshTimeout: timeoutMs,
    slotsRefreshInterval: 5_000,
    // While a slot has no master, fail at once, as with a single server that is unavailable.
    retryDelayOnClusterDown: 0,
    retryDelayOnFailover: 0,
    maxRedirections: 3,
    redisOptions: {
      ...timeouts,
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      ...(isSecure && { tls: {} }),
    },
    // By default the driver connects to the IP address of a node, but the certificate is for the name.
    ...(isSecure && { dnsLookup: (name, use) => use(null, name) }),
  })
}

/** A connection that fails within 1.5 s instead of queueing commands, and reconnects by itself. */
export const connectRedis = ({ url, cluster, log }: Options): Redis => {
  const redis = cluster ? connectCluster(url) : new Single(url, { ...timeouts, retryStrategy: reconnectMs })
  const batch = (server: Single) => server.on('connect', () => batchWrites(server.stream))
  if (redis instanceof Cluster) redis.on('+node', batch)
  else batch(redis)
  let away = false
  redis.on('error', (err) => {
    if (!away) log.event('redis_unavailable', { err })
    away = true
  })
  redis.on('ready', () => {
    if (away) log.event('redis_available', {})
    away = false
  })
  return redis
}

/** Keys and arguments of a script. */
export interface ScriptCall {
  keys: string[]
  args: (string | number)[]
}

/** Runs one Lua script. All keys must have the same hash tag. */
export type Script = (keys: string[], args: (string | number)[]) => Promise<unknown>

/** The names of the files; keys and arguments have accounts and codes. */
const scriptSpan = (name: string): NewSpan => {
  const files = name.split(' ').map((path) => basename(path))
  return {
    name: `EVALSHA ${files.join(' ')}`,
    kind: 'client',
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': 'EVALSHA',
      'db.stored_procedure.name': files.join(' '),
    },
  }
}

const defineScript = (redis: Redis, name: string, lua: string): Script => {
  redis.defineCommand(name, { lua })
  const command = (redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>)[name]
  const span = scriptSpan(name)
  const run = async (keys: string[], args: (string | number)[]) => {
    try {
      return await command?.call(redis, keys.length, ...keys, ...args)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  return (keys, args) => inSpan(span, () => run(keys, args))
}

/**
 * Loads a Lua script, which Redis runs atomically. The driver sends its hash, and its text only if the server lacks it.
 *
 * @returns a function that throws RekeyError unavailable if Redis does not answer
 */
export const loadScript = (redis: Redis, file: URL): Script =>
  defineScript(redis, file.pathname, readFileSync(file, 'utf8'))

/** The answers of two scripts, of which the second runs after the first. */
export interface PairAnswer {
  first: unknown
  /** The second script's answer, or undefined if the first has stopped the pair. @throws RekeyError unavailable */
  second(): Promise<unknown>
}

export type ScriptPair = (first: ScriptCall, second: ScriptCall) => Promise<PairAnswer>

/**
 * Loads two scripts of which the second runs after the first unless the first returns a list that begins with `stop`. On
 * one server they are one step and one round trip. On a cluster, where the keys of one may be on another node than those
 * of the other, they are two: the caller starts the second with `second()`, and undoes the first if it fails.
 *
 * @returns a function that throws RekeyError unavailable if Redis does not answer
 */
export const loadScriptPair = (redis: Redis, files: { first: URL; second: URL }, stop: string): ScriptPair => {
  if (redis.isCluster) {
    const [runFirst, runSecond] = [loadScript(redis, files.first), loadScript(redis, files.second)]
    return async (one, other) => {
      const first = (await runFirst(one.keys, one.args)) as unknown[]
      return { first, second: async () => (first[0] === stop ? undefined : runSecond(other.keys, other.args)) }
    }
  }
  const functionOf = (file: URL) => `function(KEYS, ARGV)\n${readFileSync(file, 'utf8')}\nend`
  const lua = `
    local first = ${functionOf(files.first)}
    local second = ${functionOf(files.second)}
    local keys, args = tonumber(ARGV[1]), tonumber(ARGV[2])
    local answer = first({ unpack(KEYS, 1, keys) }, { unpack(ARGV, 3, args + 2) })
    if answer[1] == '${stop}' then return { answer } end
    return { answer, second({ unpack(KEYS, keys + 1) }, { unpack(ARGV, args + 3) }) }`
  const run = defineScript(redis, `${files.first.pathname} ${files.second.pathname}`, lua)
  return async (one, other) => {
    const args = [one.keys.length, one.args.length, ...one.args, ...other.args]
    const [first, second] = (await run([...one.keys, ...other.keys], args)) as unknown[]
    return { first, second: async () => second }
  }
}
