import type { Purpose } from '@rekey/contracts'

/** How many wrong codes an account is forgiven, over all of its challenges (S6; NIST SP 800-63B-4 §3.2.2). */
export interface BudgetSize {
  /** As many wrong codes block; as many again block for twice as long. */
  blockingFailures: number
  firstBlockMs: number
  longestBlockMs: number
  /** As many without a right one between them block until the back office lifts it. */
  lastFailures: number
  /** How long the last wrong code is remembered. */
  memoryMs: number
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** `scale` divides the blocks, for load tests; what is forgiven stays. */
export const budgetSize = (scale: number): BudgetSize => ({
  blockingFailures: 10,
  firstBlockMs: Math.ceil((10 * minuteMs) / scale),
  longestBlockMs: Math.ceil(dayMs / scale),
  lastFailures: 100,
  memoryMs: 90 * dayMs,
})

// One hash tag for an account's challenges and budgets, so that one script can use both in a cluster.
export const tagOf = (account: string) => `rekey:{${account}}`

/** One for each purpose: who guesses at restores keeps nobody from signing in. */
export const budgetKey = (account: string, purpose: Purpose) => `${tagOf(account)}:budget:${purpose}`
