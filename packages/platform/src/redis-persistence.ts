import { Cluster } from 'ioredis'
import { createLogger } from './logger.ts'
import { connectRedis, type Redis } from './redis.ts'

type Node = Exclude<Redis, Cluster>

/** Snapshots, where the append-only file is off. Some vendors let nobody ask: then nobody knows. */
const hasSnapshots = async (node: Node): Promise<boolean> => {
  const [, rules] = (await node.config('GET', 'save').catch(() => [])) as string[]
  return Boolean(rules)
}

/** Whether what this server holds outlives it. @throws Error where it does not answer */
const isPersistent = async (node: Node): Promise<boolean> =>
  /^aof_enabled:1\r?$/m.test(await node.info('persistence')) || (await hasSnapshots(node))

/**
 * Asks Redis, or each master of its cluster, whether it keeps what it holds: challenges, blocks and sessions that a
 * restart forgets let people try again, or stay signed in.
 *
 * @returns undefined where it does not answer within about two seconds
 */
export const isRedisPersistent = async (url: string, cluster: boolean): Promise<boolean | undefined> => {
  const redis = connectRedis({ url, cluster, log: createLogger({ name: 'redis', level: 'silent' }) })
  try {
    await new Promise<void>((resolve, reject) => {
      redis.once('ready', resolve)
      AbortSignal.timeout(2_000).addEventListener('abort', reject)
    })
    const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis]
    return (await Promise.all(nodes.map(isPersistent))).every(Boolean)
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}
