import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type Check, type Finding, fail, ok, warn } from '../finding.ts'
import { placeOf } from '../secrets.ts'
import type { Subject } from '../subjects.ts'
import { certificateChecks } from './certificates.ts'
import { clockFinding } from './clock.ts'

const timeoutMs = 4_000
const gateway = join(import.meta.dirname, '../../../services/auth-gateway/src')

/** The commands of the gateway's scripts, and those that it sends itself. */
const neededCommands = () => {
  const scripts = globSync('**/*.lua', { cwd: gateway }).map((path) => readFileSync(join(gateway, path), 'utf8'))
  const ofScripts = scripts.flatMap((text) =>
    [...text.matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, name = '']) => name),
  )
  return [...new Set([...ofScripts, 'EVALSHA', 'SCRIPT LOAD', 'INFO', 'CONFIG GET', 'PING'])]
}

/** A key of the gateway, which does not exist. */
const ownKey = 'rekey:{doctor}'

const argumentsOf = (command: string): string[] => {
  if (command === 'EVALSHA') return [command, 'a', '0']
  if (command === 'SCRIPT LOAD') return ['SCRIPT', 'LOAD', 'return 1']
  if (command === 'CONFIG GET') return ['CONFIG', 'GET', 'save']
  if (command === 'INFO' || command === 'PING') return [command]
  return [command, ownKey, ownKey, ownKey]
}

/** Commands that the user of deploy/redis may not use. */
const foreignCommands = [
  ['GET', 'session:of-another-program'],
  ['SET', 'another-program', '1'],
  ['KEYS', '*'],
  ['FLUSHALL'],
  ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'],
  ['ACL', 'SETUSER', 'doctor'],
  ['SHUTDOWN', 'NOSAVE'],
  ['DEBUG', 'SLEEP', '0'],
]

/** Asks the server itself if this user may run a command, without running it (Redis 7.0, `redis.acl_check_cmd`). */
const mayRun = async (redis: Redis, command: readonly string[]): Promise<boolean> =>
  (await redis.eval('return redis.acl_check_cmd(unpack(ARGV)) and 1 or 0', 0, ...command)) === 1

const rightsFindings = async (redis: Redis, isProduction: boolean): Promise<Finding[]> => {
  const needed = neededCommands()
  const [few, many] = await Promise.all([
    Promise.all(needed.map(async (name) => ((await mayRun(redis, argumentsOf(name))) ? [] : [name]))),
    Promise.all(foreignCommands.map(async (one) => ((await mayRun(redis, one)) ? [one.slice(0, 2).join(' ')] : []))),
  ])
  const [lacks, excess] = [few.flat(), many.flat()]
  const todo = 'give the user the rules of deploy/redis/user.acl'
  if (lacks.length > 0) return [fail(`may not run ${lacks.join(', ')}`, todo)]
  if (excess.length === 0) return [ok('as deploy/redis/user.acl')]
  if (!isProduction) return [ok('a user without limits, as in the sandbox')]
  return [fail(`may also run ${excess.join(', ')}`, todo)]
}

/** INFO has the time too: the user of deploy/redis may not run TIME. */
const clockFindings = async (redis: Redis): Promise<Finding[]> => {
  const before = Date.now()
  const microseconds = /^server_time_usec:(\d+)/m.exec(await redis.info('server'))?.[1]
  return [clockFinding(Number(microseconds) / 1_000, [before, Date.now()])]
}

const open = async (url: string) => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  })
  let failure: Error | undefined
  redis.on('error', (error: Error) => {
    failure ??= error
  })
  try {
    await redis.connect()
    await redis.ping()
    return redis
  } catch (error) {
    redis.disconnect()
    return new Error(`${placeOf(url)}: ${(failure ?? (error as Error)).message || 'no answer'}`)
  }
}

const versionOf = async (redis: Redis) => /^redis_version:(.*?)\r?$/m.exec(await redis.info('server'))?.[1]

/** Redis, as the gateway's user sees it. */
export const redisChecks = (
  { service, config: { REDIS_URL: urls }, isProduction }: Subject<'auth-gateway'>,
  onEnd: (close: () => unknown) => void,
): Check[] => {
  if (urls === undefined) return []
  let redis: Redis | undefined
  const then = (name: string, run: (redis: Redis) => Promise<Finding[]>): Check => ({
    name,
    service,
    needs: 'redis connection',
    run: () => {
      if (!redis) throw new Error('no connection to Redis')
      return run(redis)
    },
  })
  const connect = async (): Promise<Finding[]> => {
    const servers = await Promise.all(urls.split(',').map(open))
    const found = servers.filter((server) => server instanceof Redis)
    for (const server of found) onEnd(() => server.disconnect())
    redis = found[0]
    const failures = servers.filter((server) => server instanceof Error)
    const todo = 'check REDIS_URL, its user and password, and that Redis runs'
    if (!redis) return failures.map(({ message }) => fail(message, todo))
    return [ok(`Redis ${await versionOf(redis)}`), ...failures.map(({ message }) => warn(message, todo))]
  }
  const endpoints = urls
    .split(',')
    .filter((url) => url.startsWith('rediss:'))
    .map((url) => ({ url, protocol: 'direct' as const, defaultPort: 6_379 }))
  return [
    ...certificateChecks({ name: 'redis certificate', service, endpoints }),
    { name: 'redis connection', service, needs: 'redis certificate', run: connect },
    then('redis rights', (redis) => rightsFindings(redis, isProduction)),
    then('redis clock', clockFindings),
  ]
}
