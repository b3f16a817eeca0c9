import { createLogger } from './logger.ts'
import { connectRedis } from './redis.ts'

/** The oldest that we run on. */
const leastMajor = 7

interface Facts {
  version: string
  role: string
  isCluster: boolean
}

/** @returns undefined where it does not answer within about two seconds */
const ask = async (url: string): Promise<Facts | undefined> => {
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

const faultsOf = ({ version, role, isCluster }: Facts, cluster: boolean): string[] => [
  ...(Number.parseInt(version, 10) < leastMajor
    ? [`REDIS_URL is Redis ${version}: ${leastMajor}.0 or newer is needed.`]
    : []),
  ...(isCluster && !cluster
    ? ['REKEY_REDIS_CLUSTER is not set, and REDIS_URL is a node of a cluster: set it to true.']
    : []),
  ...(cluster && !isCluster
    ? ['REKEY_REDIS_CLUSTER is true, and REDIS_URL is a server by itself: leave it unset.']
    : []),
  // A cluster's client finds the masters itself.
  ...(!cluster && !isCluster && role !== 'master'
    ? ['REDIS_URL is a replica, which takes no writes: name its master, or an address that follows it.']
    : []),
]

/**
 * Asks Redis, or each node of a cluster that REDIS_URL names, whether it is what the configuration says.
 *
 * @returns what is wrong, each beginning with the variable; undefined where none of them answers
 */
export const redisServerFaults = async (urls: string, cluster: boolean): Promise<readonly string[] | undefined> => {
  const answers = (await Promise.all(urls.split(',').map(ask))).filter((answer) => answer !== undefined)
  if (answers.length === 0) return undefined
  return [...new Set(answers.flatMap((facts) => faultsOf(facts, cluster)))]
}
