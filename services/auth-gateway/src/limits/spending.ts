import { errors, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Action, ExceededReports } from './exceeded.ts'
import type { Limit, LimitStore, NextStep } from './limits.store.ts'

/** Sender of a request, as far as it is known. */
export interface Requester {
  /** The client's address. */
  address: string
  clientId?: string
  /** Account key: HMAC of the normalised username or of the customer (S13). */
  account?: string
}

export type By = 'address' | 'account' | 'client' | 'all'

export interface CountedLimit extends Limit {
  by: By
}

export interface Spent {
  /** The answer of the next step; undefined without one. @throws RekeyError unavailable, on a cluster */
  next(): Promise<unknown>
  /** HMAC of the account and the caller's network, if the account signed in from there (S39). */
  knownNetwork: string | undefined
  /** The account's quota is used up, and the caller must not learn of it (S11). */
  isSuppressed: boolean
  /**
   * Runs the work that the quotas were spent on. If it fails on our side, all of them are refunded; if the request is
   * refused, only what `refund` returns.
   */
  refundOnFailure<T>(work: () => Promise<T>): Promise<T>
  /** Returns quotas that count failures only: the account's, or guesses at a secret. Best effort: nothing waits for it. */
  refund(): Promise<void>
}

/** A refusal below 500 may be the caller's fault, so it counts against the address and the client. */
const wasRefused = (error: unknown) => error instanceof RekeyError && errors[error.code].status < 500

interface Spends {
  /** Quotas that a refusal below 500 refunds. */
  refundable?: By[]
  /** HMAC of the account and the caller's network; set if the account is known. */
  networkKey?: string
  next?: NextStep | undefined
}

interface Deps {
  store: LimitStore
  exceeded: ExceededReports
  now: Now
}

/**
 * Spends the quotas of a request, and reports those that are used up.
 *
 * @returns a function that throws RekeyError too_many_requests, unavailable
 */
export const createSpend =
  ({ store, exceeded, now }: Deps) =>
  async (
    action: Action,
    limits: CountedLimit[],
    requester: Requester,
    { refundable = [], networkKey, next }: Spends = {},
  ): Promise<Spent> => {
    const at = now().getTime()
    const { account } = requester
    const subject = account === undefined || networkKey === undefined ? undefined : { account, networkKey }
    const spending = await store.spend(limits, at, subject, next)
    if (spending.result !== 'ok') {
      const { limit, waitMs, isFirstReport } = spending
      const { by, allowance, windowMs } = limit
      const { address: ip, ...rest } = requester
      // The clocks of two instances may differ, and a quota of an older version counts up to a twelfth longer.
      const retryAfterSeconds = Math.ceil(Math.min(waitMs, windowMs) / 1_000)
      exceeded.report({ action, by, ...rest, ip, allowance, retryAfterSeconds }, isFirstReport)
      if (spending.result === 'refused') {
        const policy = { name: `${action}-${by}`, windowSeconds: windowMs / 1_000 }
        throw new RekeyError('too_many_requests', { retryAfterSeconds, allowance, policy })
      }
    }
    const { spent } = spending
    const refundOf = (selected: CountedLimit[]) => () => store.refund(selected, at).catch(() => {})
    const refundAll = refundOf(spent)
    const refund = refundOf(spent.filter(({ by }) => refundable.includes(by)))
    return {
      next: async () => spending.next?.(),
      isSuppressed: spending.result === 'suppressed',
      knownNetwork: spending.network === 'known' ? networkKey : undefined,
      refund,
      async refundOnFailure(work) {
        try {
          return await work()
        } catch (error) {
          void (wasRefused(error) ? refund() : refundAll())
          throw error
        }
      },
    }
  }
