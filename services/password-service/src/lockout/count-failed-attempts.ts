import type { Now } from '@rekey/platform/clock'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { type NotificationDeps, restoreLockedNotifications } from '../notifications/notifications.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { claimFailedAttempts, type FailureOwner, failedAttemptTimes, findUncounted } from './failed-attempts.store.ts'
import { type Lockout, lockoutsAfter } from './lockout.ts'

export interface CountDeps extends NotificationDeps {
  database: Database
  /** Divides the duration of lockouts. */
  scale: number
  now: Now
}

/** A lockout that wrong codes have begun. */
export interface BegunLockout extends Lockout {
  customer: string
  /** Failed attempts of the customer. */
  failures: number
}

/**
 * Counts the recorded wrong codes of a challenge, once its customer is known. If they begin a lockout, the customer is
 * notified in the same transaction, once for each lockout. Safe to repeat.
 *
 * @param owner identifies the customer before the request is handled
 * @returns the lockout that began, if any
 * @throws RekeyError unavailable
 */
export const countFailedAttempts = async (
  deps: CountDeps,
  challengeId: string,
  owner?: FailureOwner,
): Promise<BegunLockout | undefined> => {
  const { database, scale, now } = deps
  // Without a lock first: most events are of challenges that belong to no customer.
  const customerId = await findUncounted(database, challengeId, owner)
  if (customerId === undefined) return undefined
  return database.transaction(async (tx) => {
    const customer = await lockCustomer(tx, customerId)
    if (!customer) return undefined
    const before = await failedAttemptTimes(tx, customer.id)
    const after = [...before, ...(await claimFailedAttempts(tx, challengeId, customer))]
    const lockouts = lockoutsAfter(after, scale)
    const lockout = lockouts.at(-1)
    if (!lockout || lockouts.length === lockoutsAfter(before, scale).length) return undefined
    const addresses = await confirmedAddresses(tx, customer.id)
    await addEvents(tx, customer.code, now(), await restoreLockedNotifications(deps, { customer, addresses }, lockout))
    return { ...lockout, customer: customer.code, failures: after.length }
  })
}
