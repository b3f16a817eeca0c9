import type { AllowanceSize } from '@rekey/platform/quota'
import { loadScript, type Redis } from '@rekey/platform/redis'

/** What happens when an allowance is used up: see spend.lua. */
export type Rule = 'refuse' | 'withhold' | 'newcomers'

/** One allowance of one address, account or client. */
export interface Limit extends AllowanceSize {
  name: string
  rule: Rule
}

export type Spending<L> =
  | { result: 'ok'; spent: L[] }
  /** `isNews`: nobody was told yet since it was used up. */
  | { result: 'refused' | 'withheld'; spent: L[]; limit: L; waitMs: number; isNews: boolean }

/** As many as spend.lua cuts a window into. */
const slices = 12
const sliceMs = ({ windowMs }: Limit) => Math.ceil(windowMs / slices)

// One hash tag, so that one script decides over all of them. That puts the limits on one master of a cluster: about
// four small hashes a request, which one Redis does tens of thousands of times a second.
const keyOf = ({ name }: Limit) => `rekey:{limits}:${name}`

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

/** Allowances in Redis: each method is one script, and so one atomic step. @throws RekeyError unavailable */
export const createLimitStore = (redis: Redis) => {
  const spendScript = loadScript(redis, script('spend'))
  const giveBackScript = loadScript(redis, script('give-back'))
  return {
    /** One of each, or of none. The account's limit stands right before the one for newcomers. */
    async spend<L extends Limit>(limits: L[], now: number): Promise<Spending<L>> {
      const args = limits.flatMap((limit) => [limit.allowance, sliceMs(limit), limit.rule])
      const answer = await spendScript(limits.map(keyOf), [now, ...args])
      const [result, places, place = 0, waitMs = 0, news] = answer as [Spending<L>['result'], number[], ...number[]]
      const spent = limits.filter((_, index) => places.includes(index + 1))
      if (result === 'ok') return { result, spent }
      return { result, spent, limit: limits[place - 1] as L, waitMs, isNews: news === 1 }
    },

    /** `spentAt`: the `now` of the spending. */
    async giveBack(limits: Limit[], spentAt: number): Promise<void> {
      if (limits.length === 0) return
      await giveBackScript(
        limits.map(keyOf),
        limits.map((limit) => Math.floor(spentAt / sliceMs(limit))),
      )
    },
  }
}

export type LimitStore = ReturnType<typeof createLimitStore>
