import type { ConsumerDeps } from '@rekey/platform/consumer'
import { toKey } from '@rekey/platform/seal'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import { consumeEndSessions } from './end-sessions.consumer.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createSessionService } from './sessions.service.ts'
import { createSessionStore } from './sessions.store.ts'

interface Settings {
  REKEY_REFRESH_KEY: string
  REKEY_SESSION_HOURS: number
}

/** Sessions, and what ends all sessions of a customer. */
export const createSessions = (
  infra: Infrastructure,
  config: Settings,
  { reopenLogins }: Pick<Limits, 'reopenLogins'>,
) => {
  const { redis, publisher, now, random, log } = infra
  const sessions = createSessionService({
    store: createSessionStore(redis),
    refreshTokens: createRefreshTokens({ key: toKey(config.REKEY_REFRESH_KEY), random }),
    publisher,
    lifeMs: config.REKEY_SESSION_HOURS * 3_600_000,
    now,
    random,
    log,
  })
  const { endAll } = sessions
  return { ...sessions, consumers: (deps: ConsumerDeps) => consumeEndSessions(deps, { endAll, reopenLogins }) }
}

export type Sessions = ReturnType<typeof createSessions>
