import type { ConsumerDeps } from '@rekey/platform/consumer'
import { toKeys } from '@rekey/platform/keys'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from './account-keys.ts'
import { consumeBlockLifted } from './block-lifted.consumer.ts'
import { createExceeded } from './exceeded.ts'
import { createRateLimits } from './limits.service.ts'
import { createLimitStore } from './limits.store.ts'
import { createLockoutStore } from './lockout.store.ts'
import { type QuotaSettings, readQuotas } from './quotas.ts'

interface Settings extends QuotaSettings {
  REKEY_USERNAME_SEAL_KEY: string
}

/** Rate limits and lockouts. */
export const createLimits = (infra: Infrastructure, config: Settings, accountKeys: AccountKeys) => {
  const { redis, now } = infra
  const exceeded = createExceeded(infra)
  const { reportLockout, countLockedOut } = exceeded
  const store = createLockoutStore(redis)
  const usernameKeys = toKeys(config.REKEY_USERNAME_SEAL_KEY)
  return {
    ...createRateLimits({ store: createLimitStore(redis), quotas: readQuotas(config), exceeded, now }),
    reportLockout,
    countLockedOut,
    consumers: (deps: ConsumerDeps) => [consumeBlockLifted(deps, { store, usernameKeys, accountKeys })],
  }
}

export type Limits = ReturnType<typeof createLimits>
