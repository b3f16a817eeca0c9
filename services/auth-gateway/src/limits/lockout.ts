import { firstLockoutMs, longestLockoutMs, type Purpose, permanentLockoutAttempts } from '@rekey/contracts'

export { maxFailedAttemptsPerChallenge } from '@rekey/contracts'

const dayMs = 24 * 3_600_000

/** Lockout of one account, over all of its challenges of one purpose (S6; NIST SP 800-63B-4 §3.2.2). */
export interface LockoutPolicy {
  firstLockoutMs: number
  longestLockoutMs: number
  /** How long failed attempts are kept after the last of them. */
  memoryMs: number
  /** Failed attempts without a right code that lock the account until the back office lifts it. Undefined: never. */
  permanentAfter?: number
  /** How long the gateway keeps the permanent lockout. */
  permanentMemoryMs?: number
}

/**
 * Restore: anyone can submit wrong codes for any username, so the gateway keeps failed attempts only until the longest
 * lockout has doubled; the password-service keeps those of a customer for good. Sign-in and change: the caller has
 * proven a password or a session, so the lockout never becomes permanent.
 *
 * @param scale divides the lockouts, for load tests; the number of failed attempts stays
 */
export const lockoutPolicies = (scale: number): Record<Purpose, LockoutPolicy> => {
  const lockouts = {
    firstLockoutMs: Math.ceil(firstLockoutMs / scale),
    longestLockoutMs: Math.ceil(longestLockoutMs / scale),
  }
  return {
    restore: {
      ...lockouts,
      memoryMs: 2 * dayMs,
      permanentAfter: permanentLockoutAttempts,
      permanentMemoryMs: 30 * dayMs,
    },
    login: { ...lockouts, memoryMs: 90 * dayMs },
    change: { ...lockouts, memoryMs: 90 * dayMs },
  }
}

// One hash tag for the challenges and failed attempts of an account: one script uses both, also on a cluster.
export const accountTag = (account: string) => `rekey:{${account}}`

/** One key a purpose: failed attempts of restores do not lock sign-in. */
export const failedAttemptsKey = (account: string, purpose: Purpose) => `${accountTag(account)}:budget:${purpose}`
