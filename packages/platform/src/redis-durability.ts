import { Cluster } from 'ioredis'
import { createLogger } from './logger.ts'
import { connectRedis, type Redis } from './redis.ts'

type Node = Exclude<Redis, Cluster>

/** When a server loses its data. */
export type Loss = 'at a restart' | 'when its memory is full'

/** True if snapshots are on. Some vendors refuse CONFIG: then they count as off. */
const hasSnapshots = async (node: Node): Promise<boolean> => {
  const [, rules] = (await node.config('GET', 'save').catch(() => [])) as string[]
  return Boolean(rules)
}

/** True if the server keeps its data at a restart. @throws Error if it does not answer */
const isPersistent = async (node: Node): Promise<boolean> =>
  /^aof_enabled:1\r?$/m.test(await node.info('persistence')) || (await hasSnapshots(node))

/** True if a full server refuses new data instead of evicting old data. @throws Error if it does not answer */
const evictsNothing = async (node: Node): Promise<boolean> =>
  /^maxmemory_policy:noeviction\r?$/m.test(await node.info('memory'))

const lossesOf = async (node: Node): Promise<Loss[]> => {
  const [survives, keeps] = await Promise.all([isPersistent(node), evictsNothing(node)])
  return [...(survives ? [] : ['at a restart' as const]), ...(keeps ? [] : ['when its memory is full' as const])]
}

/**
 * Checks that Redis, or each master of its cluster, keeps its data: lost challenges and lockouts would allow more guesses,
 * and lost session epochs would keep ended sessions alive.
 *
 * @returns undefined if it does not answer within about two seconds
 */
export const redisLosses = async (url: string, cluster: boolean): Promise<ReadonlySet<Loss> | undefined> => {
  const redis = connectRedis({ url, cluster, log: createLogger({ name: 'redis', level: 'silent' }) })
  try {
    await new Promise<void>((resolve, reject) => {
      redis.once('ready', resolve)
      AbortSignal.timeout(2_000).addEventListener('abort', reject)
    })
    const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis]
    return new Set((await Promise.all(nodes.map(lossesOf))).flat())
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}
