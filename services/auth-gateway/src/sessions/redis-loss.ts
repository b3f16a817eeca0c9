import { unavailable } from '@rekey/contracts'
import { runInBackground } from '@rekey/platform/background'
import type { Logger } from '@rekey/platform/logger'
import type { Redis } from '@rekey/platform/redis'
import { Cluster } from 'ioredis'
import type { EndReader, Position } from './read-ends.ts'

interface Deps {
  redis: Redis
  reader: EndReader
  /** Life of the stored position: no session that began before it lives longer. */
  lifeMs: number
  log: Logger
}

const key = 'rekey:{ended-sessions}:position'
const pollMs = 10_000
/** Shorter than a caller waits. */
const waitMs = 1_200

/** Identity of the running server, or of the masters of a cluster: another one may have lost data. */
const identityOf = async (redis: Redis): Promise<string> => {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis]
  const infos = await Promise.all(nodes.map((node) => node.info('server')))
  const ids = infos.map((text) => /^run_id:(\w+)/m.exec(text)?.[1])
  if (ids.length === 0 || ids.includes(undefined)) throw new Error('Redis states no run_id')
  return ids.toSorted().join()
}

/**
 * Keeps ended sessions ended when Redis loses data: at a restart with an older copy, without a copy, or at the failover of
 * a cluster. Every ten seconds the position up to which the streams were applied is stored in Redis, with the identity of
 * the server. If the identity differs, the streams are read again from that position on, and until then no session is
 * checked, refreshed or begun.
 */
export const watchRedisLoss = ({ redis, reader, lifeMs, log }: Deps) => {
  let gate = Promise.withResolvers<void>()
  let isOpen = false
  const open = () => {
    isOpen = true
    gate.resolve()
  }
  const close = () => {
    if (!isOpen) return
    isOpen = false
    gate = Promise.withResolvers()
  }

  const store = async (fields: Partial<Position> & { identity?: string }) => {
    await redis.hset(key, fields)
    await redis.pexpire(key, lifeMs)
  }

  /** The position of the round before: a failover may lose the last second of what was applied. */
  let previous: Position | undefined

  const work = async () => {
    const [identity, stored] = await Promise.all([identityOf(redis), redis.hgetall(key)])
    if (stored.identity !== identity) {
      close()
      const after = {
        ...(stored.PASSWORD !== undefined && { PASSWORD: Number(stored.PASSWORD) }),
        ...(stored.AUTH !== undefined && { AUTH: Number(stored.AUTH) }),
      }
      log.event('ended_sessions_read_again', { after })
      await reader.readAgain(after)
      await store({ identity })
    }
    open()
    const position = await reader.position()
    if (previous) await store(previous)
    previous = position
  }

  const loop = runInBackground({
    work,
    pollMs,
    backoffMs: { first: 200, most: 5_000 },
    waiting: 'ended sessions: not compared with Redis, it is retried',
    log,
  })
  redis.on('close', close)
  redis.on('ready', () => loop.wake())

  return {
    /** Resolves once Redis has every end of a session. @throws RekeyError unavailable */
    async complete(): Promise<void> {
      if (isOpen) return
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(unavailable(new Error('ended sessions are being read again'))), waitMs)
      })
      await Promise.race([gate.promise, late]).finally(() => clearTimeout(timer))
    },
    close: loop.close,
  }
}

export type RedisLoss = ReturnType<typeof watchRedisLoss>
