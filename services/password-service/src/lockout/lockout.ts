import { firstLockoutMs, lockoutAttempts, longestLockoutMs, permanentLockoutAttempts } from '@rekey/contracts'

/** A time in which a customer's password cannot be restored. */
export interface Lockout {
  from: Date
  /** Undefined: until the back office lifts it. */
  until: Date | undefined
}

const endOf = (from: Date, count: number, scale: number): Date | undefined => {
  if (count >= permanentLockoutAttempts) return undefined
  const durationMs = Math.min(firstLockoutMs * 2 ** (count / lockoutAttempts - 1), longestLockoutMs)
  return new Date(from.getTime() + Math.ceil(durationMs / scale))
}

/**
 * The lockouts that wrong codes led to, the oldest first (S6; NIST SP 800-63B-4 §3.2.2): every tenth wrong code begins
 * one, the first of 10 minutes, each next twice as long, at most 24 hours; the hundredth begins one without an end.
 * Codes during a lockout do not count, since a right one would not restore then either: otherwise an attacker with two
 * addresses of a customer would lock restore for good within hours instead of days.
 *
 * @param failures times of wrong codes since the last successful restore, in any order
 * @param scale divides the duration of lockouts, for load tests
 */
export const lockoutsAfter = (failures: readonly Date[], scale: number): Lockout[] => {
  const lockouts: Lockout[] = []
  let count = 0
  for (const from of failures.toSorted((one, other) => one.getTime() - other.getTime())) {
    if (activeLockout(lockouts, from)) continue
    count += 1
    if (count % lockoutAttempts === 0) lockouts.push({ from, until: endOf(from, count, scale) })
  }
  return lockouts
}

/** The lockout that has not ended at that time; of two the later one, which lasts longer. */
export const activeLockout = (lockouts: readonly Lockout[], at: Date): Lockout | undefined =>
  lockouts.findLast(({ until }) => until === undefined || until > at)

const second = (time: Date) => Math.floor(time.getTime() / 1_000)

/** True if a lockout was active in the second of that time: a token's `iat` is no more precise. */
export const wasLockedOut = (lockouts: readonly Lockout[], at: Date): boolean =>
  lockouts.some(({ from, until }) => second(at) >= second(from) && (until === undefined || at < until))
