import { type CustomerReference, formatTime, type PasswordStatusReply, toReference } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Budgets } from '../lockout/lockout.service.ts'
import type { StatusStore } from './status.store.ts'

interface Deps {
  store: StatusStore
  budgets: Pick<Budgets, 'blockOf'>
  now: Now
}

/**
 * Answers the mesh question `password.status`. What is over, a hold or a temporary password, is not told.
 *
 * @throws RekeyError invalid_request where not exactly one reference is given; unavailable
 */
export const createStatus =
  ({ store, budgets, now }: Deps) =>
  async (asked: CustomerReference): Promise<PasswordStatusReply> => {
    const found = await store.find(toReference(asked))
    if (!found) return { found: false }
    const { temporaryUntil, holdUntil, lastChange, ...status } = found
    const block = await budgets.blockOf(found.customerId)
    const lasts = (until: Date | null): until is Date => until !== null && until > now()
    return {
      found: true,
      ...status,
      ...(lasts(temporaryUntil) && { temporaryUntil: formatTime(temporaryUntil) }),
      ...(lasts(holdUntil) && { holdUntil: formatTime(holdUntil) }),
      ...(block && {
        restoreBlock: { from: formatTime(block.from), ...(block.until && { until: formatTime(block.until) }) },
      }),
      ...(lastChange && { lastChange: { ...lastChange, createTime: formatTime(lastChange.createTime) } }),
    }
  }
