import type { AllowanceSize } from '@rekey/platform/quota'
import { loadScript, type Redis } from '@rekey/platform/redis'

/** What a quota does once it is used up: see spend.lua. */
export type Rule = 'refuse' | 'suppress' | 'distinct_accounts'

/** The quota of one address, account or client. */
export interface Limit extends AllowanceSize {
  name: string
  rule: Rule
}

export type Spending<L> =
  | { result: 'ok'; spent: L[] }
  /** `isFirstReport`: false if this exhaustion of the quota was reported before. */
  | { result: 'refused' | 'suppressed'; spent: L[]; limit: L; waitMs: number; isFirstReport: boolean }

/** Slices of a window; the same number as in spend.lua. */
const slices = 12
const sliceMs = ({ windowMs }: Limit) => Math.ceil(windowMs / slices)

// One hash tag: one script decides on all quotas of a request. They all live on one master of a cluster, which is about
// four small hashes a request; one Redis does that tens of thousands of times a second.
const keyOf = ({ name }: Limit) => `rekey:{limits}:${name}`

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

/** Quotas in Redis: each method is one script, and so one atomic step. @throws RekeyError unavailable */
export const createLimitStore = (redis: Redis) => {
  const spendScript = loadScript(redis, script('spend'))
  const refundScript = loadScript(redis, script('refund'))
  return {
    /** Spends one of each quota, or of none. The account's quota must come right before the one of distinct accounts. */
    async spend<L extends Limit>(limits: L[], now: number): Promise<Spending<L>> {
      const args = limits.flatMap((limit) => [limit.allowance, sliceMs(limit), limit.rule])
      const answer = await spendScript(limits.map(keyOf), [now, ...args])
      const [result, places, place = 0, waitMs = 0, report] = answer as [Spending<L>['result'], number[], ...number[]]
      const spent = limits.filter((_, index) => places.includes(index + 1))
      if (result === 'ok') return { result, spent }
      return { result, spent, limit: limits[place - 1] as L, waitMs, isFirstReport: report === 1 }
    },

    /** `spentAt`: the `now` of the spending. */
    async refund(limits: Limit[], spentAt: number): Promise<void> {
      if (limits.length === 0) return
      await refundScript(
        limits.map(keyOf),
        limits.map((limit) => Math.floor(spentAt / sliceMs(limit))),
      )
    },
  }
}

export type LimitStore = ReturnType<typeof createLimitStore>
