import { activeLockout, lockoutsAfter } from '../lockout/lockout.ts'

/** What is known of a code to restore and its customer, while the customer is locked. */
export interface Standing {
  /** Id of the customer who has confirmed the address; null if there is none. */
  customerId: number | null
  /** True if another transaction has locked the customer: the rest is not known. */
  isBusy: boolean
  isBlocked: boolean
  /** Times of the customer's wrong codes since the last successful restore. */
  failures: readonly Date[]
  /** Codes with an equal text count against the same quota. */
  quota: string
  /** Codes that count against that quota already; given with one code of each quota, and null with the others. */
  used: number | null
  /** True if this code is among them: an event is delivered more than once. */
  isCounted: boolean
  /** Equal for repeats of one code. */
  code: string
}

/**
 * `busy`: later. `unreachable`: there is no such customer. The others are reasons why a code is not sent, and `send` that it
 * is.
 */
export type Verdict = 'busy' | 'unreachable' | 'blocked' | 'lockout' | 'limit' | 'send'

interface Rules {
  /** Number of codes in each quota. */
  allowance: number
  at: Date
  /** Divides the duration of lockouts. */
  scale: number
}

/**
 * Decides about codes in their order: of those that do not fit into a quota (S7) the first are sent. A repeated code
 * counts once.
 */
export const decideSends = (standings: readonly Standing[], { allowance, at, scale }: Rules): Verdict[] => {
  const left = new Map<string, number>()
  for (const { quota, used } of standings) if (used !== null) left.set(quota, allowance - used)
  const admitted = new Set<string>()

  const fits = ({ quota, isCounted, code }: Standing): boolean => {
    if (isCounted || admitted.has(code)) return true
    const room = left.get(quota) ?? 0
    if (room <= 0) return false
    left.set(quota, room - 1)
    admitted.add(code)
    return true
  }

  return standings.map((standing) => {
    if (standing.isBusy) return 'busy'
    if (standing.customerId === null) return 'unreachable'
    if (standing.isBlocked) return 'blocked'
    if (activeLockout(lockoutsAfter(standing.failures, scale), at)) return 'lockout'
    return fits(standing) ? 'send' : 'limit'
  })
}
