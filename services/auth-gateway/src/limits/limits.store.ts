import { unavailable } from '@rekey/contracts'
import type { AllowanceSize } from '@rekey/platform/quota'
import { loadScript, loadScriptPair, type Redis, type ScriptCall, type ScriptPair } from '@rekey/platform/redis'

/** What a quota does once it is used up: see spend.lua. */
export type Rule = 'refuse' | 'suppress' | 'distinct_accounts'

/** `known`: the account signed in from the caller's network within {@link knownNetworkMs}. */
export type NetworkKind = 'known' | 'unknown'

/** The quota of one address, account or client. */
export interface Limit extends AllowanceSize {
  name: string
  rule: Rule
  /** The requests that it counts; undefined: from every network. */
  network?: NetworkKind | undefined
  /** True if a reopening of the account's sign-in empties it. */
  isReopened?: boolean
}

/** Decides which quotas count a request: HMACs of the account (S13), and of the account with the network. */
export interface Subject {
  account: string
  networkKey: string
}

/** A script that runs right after a spending, unless a quota refuses: in one step with it, except on a cluster. */
export interface NextStep extends ScriptCall {
  after: ScriptPair
}

/** `next`: returns the answer of the next step, if there is one. @throws RekeyError unavailable, on a cluster */
export type Spending<L> = { next?: () => Promise<unknown> } & { network: NetworkKind; spent: L[] } & (
    | { result: 'ok' }
    /** `isFirstReport`: false if this exhaustion of the quota was reported before. */
    | { result: 'refused' | 'suppressed'; limit: L; waitMs: number; isFirstReport: boolean }
  )

/** Slices of a window; the same number as in spend.lua. */
const slices = 12
const sliceMs = ({ windowMs }: Limit) => Math.ceil(windowMs / slices)

/** How long the network of a sign-in is known (S39). */
export const knownNetworkMs = 90 * 24 * 3_600_000

// One hash tag: one script decides on all quotas of a request. They all live on one master of a cluster, which is about
// six small hashes a request; one Redis does that tens of thousands of times a second. Challenges keep a tag for each
// account, and so stay spread over the masters: that is why a next step is a step of its own on a cluster.
const prefix = 'rekey:{limits}:'
const keyOf = ({ name }: Limit) => `${prefix}${name}`
const knownKey = (networkKey: string) => `${prefix}known:${networkKey}`
const reopeningKey = (account: string) => `${prefix}reopening:${account}`

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

const orUnavailable = async (command: Promise<unknown>): Promise<void> => {
  try {
    await command
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** Quotas in Redis: each method is one atomic step. @throws RekeyError unavailable */
export const createLimitStore = (redis: Redis) => {
  const spendScript = loadScript(redis, script('spend'))
  const refundScript = loadScript(redis, script('refund'))
  return {
    /**
     * Spends one of each quota, or of none. The account's quota must come right before the one of distinct accounts.
     *
     * @param subject undefined: the account is not known, so the network is not either
     * @param next runs unless the result is `refused`
     */
    async spend<L extends Limit>(limits: L[], now: number, subject?: Subject, next?: NextStep): Promise<Spending<L>> {
      const { account, networkKey } = subject ?? { account: '', networkKey: '' }
      const keys = [knownKey(networkKey), reopeningKey(account), ...limits.map(keyOf)]
      const args = limits.flatMap((limit) => [
        limit.allowance,
        sliceMs(limit),
        limit.rule,
        limit.network ?? '',
        limit.isReopened ? '1' : '',
      ])
      const call = { keys, args: [now, ...args] }
      const answers = next ? await next.after(call, next) : { first: await spendScript(call.keys, call.args) }
      const [result, network, places, place = 0, waitMs = 0, report] = answers.first as [
        Spending<L>['result'],
        NetworkKind,
        number[],
        ...number[],
      ]
      const spent = limits.filter((_, index) => places.includes(index + 1))
      const spending = { network, spent, ...('second' in answers && { next: answers.second }) }
      if (result === 'ok') return { result, ...spending }
      return { result, ...spending, limit: limits[place - 1] as L, waitMs, isFirstReport: report === 1 }
    },

    /** Loads a script that may run as the next step of a spending. */
    loadNext: (file: URL): ScriptPair => loadScriptPair(redis, { first: script('spend'), second: file }, 'refused'),

    /** `spentAt`: the `now` of the spending. */
    async refund(limits: Limit[], spentAt: number): Promise<void> {
      if (limits.length === 0) return
      await refundScript(
        limits.map(keyOf),
        limits.map((limit) => Math.floor(spentAt / sliceMs(limit))),
      )
    },

    /** Makes a network known for {@link knownNetworkMs} from now on. */
    rememberNetwork: (networkKey: string) => orUnavailable(redis.set(knownKey(networkKey), '', 'PX', knownNetworkMs)),

    /**
     * Empties the account's quotas that are `isReopened`, each at its next use: their names contain networks, which are
     * not listed anywhere. Repeated with the same id, it empties nothing more.
     *
     * @param longestMs of those quotas: after it they are empty anyway
     */
    reopen: (account: string, id: string, longestMs: number) =>
      orUnavailable(redis.set(reopeningKey(account), id, 'PX', longestMs * 2)),
  }
}

export type LimitStore = ReturnType<typeof createLimitStore>
