import { type ChallengeFailed, type EventData, parseUsername } from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { unseal } from '@rekey/platform/seal'
import { type CountDeps, countFailedAttempts } from './count-failed-attempts.ts'
import { type FailureOwner, failedAttemptTimes, recordFailedAttempt } from './failed-attempts.store.ts'
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
  const count = async (challengeId: string, owner?: FailureOwner): Promise<void> => {
    const lockout = await countFailedAttempts(deps, challengeId, owner)
    if (!lockout) return
    begun.inc()
    lockouts.inc({ kind: 'restore', account: 'customer' })
    const { customer, failures, from, until = 'lifted' } = lockout
    log.event('authn_restore_locked', { customer, failures, from, until })
  }

  return {
    count,

    /**
     * Records a wrong code of a restore, or a wrong second proof, and counts it if its customer is known. Second proofs
     * count whatever they were given for: all of them guess at one secret. Events of an earlier gateway have neither
     * username nor customer.
     *
     * @throws RekeyError unavailable
     */
    async recordFailure(
      { purpose, challengeId, attempt, username, customer }: EventData<typeof ChallengeFailed>,
      failedAt: Date,
    ): Promise<void> {
      if (purpose !== 'restore' && customer === undefined) return
      await recordFailedAttempt(database, { challengeId, attempt, failedAt })
      const opened = username && (await unseal<string>(keys.username, challengeId, username).catch(() => undefined))
      await count(challengeId, { address: opened ? parseUsername(opened) : undefined, customer })
    },

    /** The lockout of the customer's restore that is active now. @throws RekeyError unavailable */
    lockoutOf: (customerId: number): Promise<Lockout | undefined> =>
      database.query(async (prisma) =>
        activeLockout(lockoutsAfter(await failedAttemptTimes(prisma, customerId), scale), now()),
      ),
  }
}

export type LockoutService = ReturnType<typeof createLockoutService>
