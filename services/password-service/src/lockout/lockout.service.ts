import { type Address, parseUsername } from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { unseal } from '@rekey/platform/seal'
import { type CountDeps, countFailedAttempts } from './count-failed-attempts.ts'
import { type FailedAttempt, failedAttemptTimes, recordFailedAttempt } from './failed-attempts.store.ts'
import { activeLockout, type Lockout, lockoutsAfter } from './lockout.ts'

interface Deps extends CountDeps {
  keys: CountDeps['keys'] & {
    /** Opens usernames that the gateway sealed. */
    username: Keys
  }
  metrics: Metrics
  log: Logger
}

/**
 * Counts wrong codes of restores (S6) for each customer, at all addresses together. The gateway counts them for each
 * address and decides at once; only this service knows which addresses are one customer's. A lockout concerns restore,
 * never sign-in.
 */
export const createLockoutService = (deps: Deps) => {
  const { database, scale, now, metrics, keys, log } = deps
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
    log.event('authn_restore_locked', { customer, failures, from, until })
  }

  return {
    count,

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

    /** The lockout of the customer's restore that is active now. @throws RekeyError unavailable */
    lockoutOf: (customerId: number): Promise<Lockout | undefined> =>
      database.query(async (prisma) =>
        activeLockout(lockoutsAfter(await failedAttemptTimes(prisma, customerId), scale), now()),
      ),
  }
}

export type LockoutService = ReturnType<typeof createLockoutService>
