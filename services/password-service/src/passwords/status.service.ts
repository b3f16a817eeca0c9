import { type CustomerReference, formatTime, type PasswordStatusReply, toReference } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { LockoutService } from '../lockout/lockout.service.ts'
import type { StatusStore } from './status.store.ts'

interface Deps extends Pick<LockoutService, 'lockoutOf'> {
  store: StatusStore
  now: Now
}

/**
 * Serves the RPC `password.status`. The reply omits a hold or a temporary password that has ended.
 *
 * @throws RekeyError invalid_request unless exactly one reference is given; unavailable
 */
export const createStatus =
  ({ store, lockoutOf, now }: Deps) =>
  async (reference: CustomerReference): Promise<PasswordStatusReply> => {
    const found = await store.find(toReference(reference))
    if (!found) return { found: false }
    const { temporaryUntil, holdUntil, lastChange, ...status } = found
    const lockout = await lockoutOf(found.customerId)
    const isAhead = (until: Date | null): until is Date => until !== null && until > now()
    return {
      found: true,
      ...status,
      ...(isAhead(temporaryUntil) && { temporaryUntil: formatTime(temporaryUntil) }),
      ...(isAhead(holdUntil) && { holdUntil: formatTime(holdUntil) }),
      ...(lockout && {
        restoreBlock: { from: formatTime(lockout.from), ...(lockout.until && { until: formatTime(lockout.until) }) },
      }),
      ...(lastChange && { lastChange: { ...lastChange, createTime: formatTime(lastChange.createTime) } }),
    }
  }
