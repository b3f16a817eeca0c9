import { CustomersSummary, RaiseSessionEpoch } from '@rekey/contracts'
import type { ConsumerDeps } from '@rekey/platform/consumer'
import { deriveKeys, toKeys } from '@rekey/platform/keys'
import { callRpc } from '@rekey/platform/rpc'
import type { Server } from '@rekey/platform/server'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import type { StoredRecords } from '../stored-records/stored-records.ts'
import { consumeEndSessions } from './end-sessions.consumer.ts'
import { createListings } from './listings.ts'
import { followNotBefore } from './not-before.ts'
import { createEndReader } from './read-ends.ts'
import { watchRedisLoss } from './redis-loss.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createSessionList } from './session-list.ts'
import { sessionRoutes } from './sessions.routes.ts'
import { createSessionService } from './sessions.service.ts'
import { createSessionStore } from './sessions.store.ts'

interface Settings {
  REKEY_REFRESH_KEY: string
  REKEY_SESSION_HOURS: number
}

interface Deps {
  limits: Pick<Limits, 'reopenLogins' | 'clearCounts'>
  records: Pick<StoredRecords, 'refuse'>
}

/** The epoch outlives the last older session by this margin: a sign-in may be in progress, and an event late. */
const epochMarginMs = 24 * 3_600_000

/** Sessions, their list, and what ends all sessions of a customer. */
export const createSessions = (infra: Infrastructure, config: Settings, { limits, records }: Deps) => {
  const { reopenLogins, clearCounts } = limits
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
  const keys = toKeys(config.REKEY_REFRESH_KEY)
  const listings = createListings({ keys: deriveKeys(keys, 'session listing'), refuse: records.refuse })
  const sessions = createSessionService({
    store,
    refreshTokens: createRefreshTokens({ keys, random }),
    listings,
    publisher,
    notBefore,
    raiseEpoch: async (request) => (await callRpc(broker, RaiseSessionEpoch, request)).raised,
    complete: redisLoss.complete,
    lifeMs,
    now,
    random,
    log,
  })
  const list = createSessionList({
    store,
    listings,
    notBefore,
    end: sessions.end,
    complete: redisLoss.complete,
    findCustomer: (request) => callRpc(broker, CustomersSummary, request),
    now,
  })
  return {
    ...sessions,
    list,
    /** Resolves once Redis has every end of a session. @throws RekeyError unavailable, after 1.2 s */
    complete: redisLoss.complete,
    routes: (app: Server) => sessionRoutes(app, list),
    consumers: (deps: ConsumerDeps) => consumeEndSessions(deps, { endAll, reopenLogins, clearCounts }),
    close: async () => {
      await Promise.all([redisLoss.close(), notBefore.close()])
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
