import { createLogger } from './logger.ts'
import { connectRedis } from './redis.ts'

/** The oldest major version that is supported. */
const minMajor = 7

interface ServerInfo {
  version: string
  role: string
  isCluster: boolean
}

/** @returns undefined if it does not answer within about two seconds */
const readInfo = async (url: string): Promise<ServerInfo | undefined> => {
  const redis = connectRedis({ url, cluster: false, log: createLogger({ name: 'redis', level: 'silent' }) })
  try {
    await new Promise<void>((resolve, reject) => {
      redis.once('ready', resolve)
      AbortSignal.timeout(2_000).addEventListener('abort', reject)
    })
    const text = await redis.info()
    const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? ''
    return { version: field('redis_version'), role: field('role'), isCluster: field('cluster_enabled') === '1' }
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}

const errorsOf = ({ version, role, isCluster }: ServerInfo, cluster: boolean): string[] => [
  ...(Number.parseInt(version, 10) < minMajor
    ? [`REDIS_URL is Redis ${version}: ${minMajor}.0 or newer is needed.`]
    : []),
  ...(isCluster && !cluster
    ? ['REKEY_REDIS_CLUSTER is not set although REDIS_URL is a node of a cluster: set it to true.']
    : []),
  ...(cluster && !isCluster
    ? ['REKEY_REDIS_CLUSTER is true although REDIS_URL is a single server: leave it unset.']
    : []),
  // A cluster client finds the masters itself.
  ...(!cluster && !isCluster && role !== 'master'
    ? ['REDIS_URL is a replica, which accepts no writes: name the master, or a host name that follows it.']
    : []),
]

/**
 * Compares Redis, or each node of a cluster that REDIS_URL names, with the configuration.
 *
 * @returns errors that begin with the variable's name; undefined if no server answers
 */
export const redisServerErrors = async (urls: string, cluster: boolean): Promise<readonly string[] | undefined> => {
  const answers = (await Promise.all(urls.split(',').map(readInfo))).filter((answer) => answer !== undefined)
  if (answers.length === 0) return undefined
  return [...new Set(answers.flatMap((info) => errorsOf(info, cluster)))]
}
