import { type Address, parseUsername } from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { unseal } from '@rekey/platform/seal'
import { lockCustomerOfRestore } from '../customers/lock.ts'
import type { Transaction } from '../database.ts'
import { type CountDeps, countFailedAttempts } from './count-failed-attempts.ts'
import {
  type FailedAttempt,
  failedAttemptTimes,
  recordFailedAttempt,
  resetFailedAttempts,
} from './failed-attempts.store.ts'
import type { FailuresSeen } from './failures-seen.ts'
import { activeLockout, type Lockout, lockoutsAfter, wasLockedOut } from './lockout.ts'

interface Deps extends CountDeps {
  keys: CountDeps['keys'] & {
    /** Opens usernames that the gateway sealed. */
    username: Keys
  }
  failuresSeen: FailuresSeen
  metrics: Metrics
  log: Logger
}

/** True if restore was locked for this customer, whom the transaction has locked, when the code was given. */
export const wasLockedOutAt = async (
  tx: Transaction,
  customerId: number,
  { at, scale }: { at: Date; scale: number },
): Promise<boolean> => wasLockedOut(lockoutsAfter(await failedAttemptTimes(tx, customerId), scale), at)

/**
 * Counts wrong codes of restores (S6) for each customer, at all addresses together. The gateway counts them for each
 * address and decides at once; only this service knows which addresses are one customer's. A lockout concerns restore,
 * never sign-in.
 */
export const createLockoutService = (deps: Deps) => {
  const { database, scale, now, metrics, keys, failuresSeen, log } = deps
  const begun = counter(metrics, {
    name: 'rekey_restore_lockouts_total',
    help: 'Lockouts of restore that wrong codes began',
  })
  const lockouts = counter(metrics, {
    name: 'rekey_lockouts_total',
    help: 'Lockouts that wrong codes began, of a customer over all addresses',
    labels: { kind: ['restore'], account: ['customer'] },
  })

  /** Counts the recorded wrong codes of a challenge, once its customer is known. @throws RekeyError unavailable */
  const count = async (challengeId: string, address?: Address): Promise<void> => {
    const lockout = await countFailedAttempts(deps, challengeId, address)
    if (!lockout) return
    begun.inc()
    lockouts.inc({ kind: 'restore', account: 'customer' })
    const { customer, failures, from, until = 'lifted' } = lockout
    log.warn(
      { event: 'authn_restore_locked', customer, failures, from, until },
      'restore is locked after too many wrong codes',
    )
  }

  return {
    count,

    failuresSeen,

    /**
     * Records a wrong code of a restore and counts it if its customer is known. `username` is the challenge's, sealed;
     * events of an earlier gateway have none.
     *
     * @throws RekeyError unavailable
     */
    async recordFailure(attempt: FailedAttempt, username?: string): Promise<void> {
      await recordFailedAttempt(database, attempt)
      const { challengeId } = attempt
      const opened = username && (await unseal<string>(keys.username, challengeId, username).catch(() => undefined))
      await count(challengeId, opened ? parseUsername(opened) : undefined)
    },

    /**
     * Resets the failed attempts before a right code, unless the code was given during a lockout. Waits for the wrong
     * codes before it: otherwise it could reset nine before the tenth has arrived (S42).
     *
     * @throws RekeyError unavailable
     */
    async recordSuccess(challengeId: string, at: Date): Promise<void> {
      await failuresSeen()
      await database.transaction(async (tx) => {
        const customer = await lockCustomerOfRestore(tx, challengeId)
        if (!customer || (await wasLockedOutAt(tx, customer.id, { at, scale }))) return
        await resetFailedAttempts(tx, customer.id, at)
      })
    },

    /** The lockout of the customer's restore that is active now. @throws RekeyError unavailable */
    lockoutOf: (customerId: number): Promise<Lockout | undefined> =>
      database.query(async (prisma) =>
        activeLockout(lockoutsAfter(await failedAttemptTimes(prisma, customerId), scale), now()),
      ),
  }
}

export type LockoutService = ReturnType<typeof createLockoutService>
