import type { ConsumerDeps } from '@rekey/platform/consumer'
import { toKeys } from '@rekey/platform/keys'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from './account-keys.ts'
import { consumeBlockLifted } from './block-lifted.consumer.ts'
import { createClearCounts } from './clear-counts.ts'
import { createExceeded } from './exceeded.ts'
import { createRateLimits } from './limits.service.ts'
import { createLimitStore } from './limits.store.ts'
import { createLockoutStore } from './lockout.store.ts'
import { type QuotaSettings, readQuotas } from './quotas.ts'
import { createReopenLogins } from './reopen-logins.ts'

interface Settings extends QuotaSettings {
  REKEY_USERNAME_SEAL_KEY: string
}

/** Rate limits and lockouts. */
export const createLimits = (infra: Infrastructure, config: Settings, accountKeys: AccountKeys) => {
  const { redis, now } = infra
  const exceeded = createExceeded(infra)
  const { reportLockout, countLockedOut } = exceeded
  const store = createLockoutStore(redis)
  const quotas = readQuotas(config)
  const { reopenLogin, ...rateLimits } = createRateLimits({
    store: createLimitStore(redis),
    quotas,
    accountKeys,
    exceeded,
    now,
  })
  const usernameKeys = toKeys(config.REKEY_USERNAME_SEAL_KEY)
  const reopenLogins = createReopenLogins({ usernameKeys, accountKeys, reopenLogin })
  const clearCounts = createClearCounts({ store, accountKeys, reopenLogins })
  return {
    ...rateLimits,
    reportLockout,
    countLockedOut,
    reopenLogins,
    clearCounts,
    consumers: (deps: ConsumerDeps) => [consumeBlockLifted(deps, clearCounts)],
  }
}

export type Limits = ReturnType<typeof createLimits>
