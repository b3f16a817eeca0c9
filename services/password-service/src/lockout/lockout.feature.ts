import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { consumeAnswers } from './answered.consumers.ts'
import { deleteUnclaimedFailures } from './failed-attempts.store.ts'
import { createFailuresSeen, type FailuresSeen } from './failures-seen.ts'
import { createLockoutService, type LockoutService } from './lockout.service.ts'
import { createRightCodes } from './right-codes.ts'

export interface LockoutFeature extends Feature, Pick<LockoutService, 'count' | 'lockoutOf'> {
  failuresSeen: FailuresSeen
  /** Divides the duration of lockouts. */
  scale: number
}

/** Locks a customer's restore after too many wrong codes. */
export const createLockout = (infra: Infrastructure, config: { REKEY_LIMITS_SCALE: number }): LockoutFeature => {
  const scale = config.REKEY_LIMITS_SCALE
  const failuresSeen = createFailuresSeen({
    ...infra,
    record: (event, failedAt) => answers.recordFailure(event, failedAt),
  })
  const { count, lockoutOf, ...answers } = createLockoutService({ ...infra, scale })
  const recordSuccesses = createRightCodes({ ...infra, failuresSeen, scale })
  return {
    count,
    lockoutOf,
    failuresSeen,
    scale,
    consumers: (deps) => consumeAnswers(deps, { ...answers, recordSuccesses }),
    deletions: { 'unclaimed failures': deleteUnclaimedFailures(infra.loops) },
  }
}
