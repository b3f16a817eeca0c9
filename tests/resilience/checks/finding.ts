import type { ClientLog } from '../client-log.ts'
import type { FinalState } from '../final-state.ts'

/** The result of one check. */
export interface Finding {
  claim: string
  /** Number of items that were checked. */
  checked: number
  /** Number of items by kind. */
  breakdown?: Record<string, number>
  /** Items that violate the claim, each as a sentence. */
  violations: string[]
  /** True if zero items are acceptable. Otherwise a check of zero items fails, since it proves nothing. */
  mayBeEmpty?: boolean
  /** True for a time limit, which a busy machine may exceed. */
  isTimed?: boolean
}

/** True if items were checked and none violates the claim. */
export const holds = ({ checked, violations, mayBeEmpty = false }: Finding): boolean =>
  violations.length === 0 && (checked > 0 || mayBeEmpty)

type Found = Omit<Finding, 'claim'>

export type Check = (clientLog: ClientLog, state: FinalState) => Promise<Found> | Found

/** The second and later occurrences of each item. */
export const repeated = <T>(items: T[]): T[] => {
  const before = new Set<T>()
  return items.filter((item) => before.has(item) || !before.add(item))
}
