import type { Held } from '../held.ts'
import type { Seen } from '../seen.ts'

/** What one check found. */
export interface Finding {
  what: string
  /** How many it was shown for. */
  proven: number
  /** How many of these were of which kind. */
  kinds?: Record<string, number>
  /** What speaks against it. */
  faults: string[]
  /** Where there may rightly be nothing to show it for. Else a run that showed it for nothing has shown nothing. */
  mayBeEmpty?: boolean
  /** A limit in seconds, which a busy machine may exceed. */
  isTimed?: boolean
}

/** Whether it was shown, for something, and nothing speaks against it. */
export const holds = ({ proven, faults, mayBeEmpty = false }: Finding): boolean =>
  faults.length === 0 && (proven > 0 || mayBeEmpty)

type Found = Omit<Finding, 'what'>

export type Check = (seen: Seen, held: Held) => Promise<Found> | Found

/** Those that stand there more than once, as often as they do beyond the first. */
export const repeated = <T>(items: T[]): T[] => {
  const before = new Set<T>()
  return items.filter((item) => before.has(item) || !before.add(item))
}
