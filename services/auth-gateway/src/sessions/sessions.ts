import { RaiseSessionEpoch } from '@rekey/contracts'
import type { ConsumerDeps } from '@rekey/platform/consumer'
import { toKeys } from '@rekey/platform/keys'
import { callRpc } from '@rekey/platform/rpc'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import { consumeEndSessions } from './end-sessions.consumer.ts'
import { followNotBefore } from './not-before.ts'
import { createEndReader } from './read-ends.ts'
import { watchRedisLoss } from './redis-loss.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createSessionService } from './sessions.service.ts'
import { createSessionStore } from './sessions.store.ts'

interface Settings {
  REKEY_REFRESH_KEY: string
  REKEY_SESSION_HOURS: number
}

/** The epoch outlives the last older session by this margin: a sign-in may be in progress, and an event late. */
const epochMarginMs = 24 * 3_600_000

/** Sessions, and what ends all sessions of a customer. */
export const createSessions = (
  infra: Infrastructure,
  config: Settings,
  { reopenLogins }: Pick<Limits, 'reopenLogins'>,
) => {
  const { broker, redis, publisher, now, random, log } = infra
  const notBefore = followNotBefore(infra)
  const lifeMs = config.REKEY_SESSION_HOURS * 3_600_000
  const longestMs = lifeMs + epochMarginMs
  const store = createSessionStore(redis)
  /** Ends all sessions of a customer except the kept one (S21). Safe to repeat, in any order. @throws RekeyError unavailable */
  const endAll = (customer: string, epoch: number, kept?: string) => store.endAll(customer, epoch, kept, longestMs)
  const reader = createEndReader({
    broker,
    endAll,
    endOne: async (session, until) => void (await store.end(session, now().getTime(), until.getTime())),
    longestMs,
    now,
  })
  const redisLoss = watchRedisLoss({ redis, reader, lifeMs: longestMs, log })
  const sessions = createSessionService({
    store,
    refreshTokens: createRefreshTokens({ keys: toKeys(config.REKEY_REFRESH_KEY), random }),
    publisher,
    notBefore,
    raiseEpoch: async (request) => (await callRpc(broker, RaiseSessionEpoch, request)).raised,
    complete: redisLoss.complete,
    lifeMs,
    now,
    random,
    log,
  })
  return {
    ...sessions,
    consumers: (deps: ConsumerDeps) => consumeEndSessions(deps, { endAll, reopenLogins }),
    close: async () => {
      await Promise.all([redisLoss.close(), notBefore.close()])
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
