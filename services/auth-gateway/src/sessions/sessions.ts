import type { ConsumerDeps } from '@rekey/platform/consumer'
import { toKeys } from '@rekey/platform/keys'
import type { Infrastructure } from '../infrastructure.ts'
import { consumeEndSessions } from './end-sessions.consumer.ts'
import { followNotBefore } from './not-before.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createSessionService } from './sessions.service.ts'
import { createSessionStore } from './sessions.store.ts'

interface Settings {
  REKEY_REFRESH_KEY: string
  REKEY_SESSION_HOURS: number
}

/** Sessions, and what ends all sessions of a customer. */
export const createSessions = (infra: Infrastructure, config: Settings) => {
  const { redis, publisher, now, random, log } = infra
  const notBefore = followNotBefore(infra)
  const sessions = createSessionService({
    store: createSessionStore(redis),
    refreshTokens: createRefreshTokens({ keys: toKeys(config.REKEY_REFRESH_KEY), random }),
    publisher,
    notBefore,
    lifeMs: config.REKEY_SESSION_HOURS * 3_600_000,
    now,
    random,
    log,
  })
  return {
    ...sessions,
    consumers: (deps: ConsumerDeps) => consumeEndSessions(deps, sessions.endAll),
    close: () => notBefore.close(),
  }
}

export type Sessions = ReturnType<typeof createSessions>
