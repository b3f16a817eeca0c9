import type { Purpose } from '@rekey/contracts'

/** How many wrong codes an account is forgiven, over all of its challenges (S6; NIST SP 800-63B-4 §3.2.2). */
export interface BudgetSize {
  firstBlockMs: number
  longestBlockMs: number
  /** How long wrong codes are remembered after the last of them. */
  memoryMs: number
  /** As many without a right one between them, and it is off until the back office lifts it. None: never. */
  lastFailures?: number
  /** How long this is remembered. */
  lastMemoryMs?: number
}

/** As many wrong codes block; as many again block for twice as long. */
export const blockingFailures = 10

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/**
 * Anybody can give a wrong code to restore, also for usernames that nobody has: of those no more is remembered than it
 * takes to block for twice as long the next time. Of a person the password-service remembers them for good. Whoever
 * gives a wrong code to sign in, or to change, has proven a password or a session of an account that exists, and is never
 * kept out for good.
 *
 * @param scale divides the blocks, for load tests; what is forgiven stays
 */
export const budgetSizes = (scale: number): Record<Purpose, BudgetSize> => {
  const blocks = {
    firstBlockMs: Math.ceil((10 * minuteMs) / scale),
    longestBlockMs: Math.ceil(dayMs / scale),
  }
  return {
    restore: { ...blocks, memoryMs: 2 * dayMs, lastFailures: 100, lastMemoryMs: 30 * dayMs },
    login: { ...blocks, memoryMs: 90 * dayMs },
    change: { ...blocks, memoryMs: 90 * dayMs },
  }
}

// One hash tag for an account's challenges and budgets, so that one script can use both in a cluster.
export const tagOf = (account: string) => `rekey:{${account}}`

/** One for each purpose: who guesses at restores keeps nobody from signing in. */
export const budgetKey = (account: string, purpose: Purpose) => `${tagOf(account)}:budget:${purpose}`
