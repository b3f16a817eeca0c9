import { errors, type Purpose, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { AllowanceSize } from '@rekey/platform/quota'
import { networksOf } from './client-networks.ts'
import type { Action, ExceededReports } from './exceeded.ts'
import type { Limit, LimitStore, Rule } from './limits.store.ts'
import type { Quotas } from './quotas.ts'

interface Deps {
  store: LimitStore
  quotas: Quotas
  exceeded: ExceededReports
  now: Now
}

/** Sender of a request, as far as it is known. */
export interface Requester {
  /** The client's address. */
  address: string
  clientId?: string
  /** Account key: HMAC of the normalised username or of the customer (S13). */
  account?: string
}

type By = 'address' | 'account' | 'client' | 'all'

interface CountedLimit extends Limit {
  by: By
}

export interface Spent {
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

/** Rate limits: one step decides on all quotas of a request, and spends all of them or none. */
export const createRateLimits = ({ store, quotas, exceeded, now }: Deps) => {
  const limit = (action: Action, by: By, id: string, size: AllowanceSize, rule: Rule = 'refuse') => ({
    name: `${action}:${by}:${encodeURIComponent(id)}`,
    by,
    rule,
    ...size,
  })

  const spend = async (
    action: Action,
    limits: CountedLimit[],
    requester: Requester,
    refundable: By[] = [],
  ): Promise<Spent> => {
    const at = now().getTime()
    const spending = await store.spend(limits, at)
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
      isSuppressed: spending.result === 'suppressed',
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

  const { code, login, password } = quotas
  const byAddress = (action: Action, { address }: Requester) =>
    networksOf(address).map(({ name, clients }) => {
      const { allowance, windowMs } = quotas[action].address
      return limit(action, 'address', name, { allowance: allowance * clients, windowMs })
    })
  const byClient = (action: 'code' | 'answer' | 'login', { clientId }: Requester) =>
    clientId === undefined ? [] : [limit(action, 'client', clientId, quotas[action].client)]

  return {
    /**
     * Spends the quotas of one code to be sent. A restore over the account's quota is suppressed, not refused: the
     * caller must not see a difference (S11). Codes to restore, to change and to sign in have a quota each, so that
     * requests for one cannot keep a customer from the others (S6). Distinct accounts are counted when a restore opens
     * (`isFirst`): a resend is for an account that was counted.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendCode(
      { purpose, isFirst }: { purpose: Purpose; isFirst: boolean },
      requester: Required<Requester>,
    ): Promise<Spent> {
      const size = purpose === 'login' ? code.loginAccount : code.account
      const rule = purpose === 'restore' ? 'suppress' : 'refuse'
      return spend(
        'code',
        [
          ...byAddress('code', requester),
          ...byClient('code', requester),
          limit('code', 'account', `${purpose}:${requester.account}`, size, rule),
          ...(purpose === 'restore' && isFirst ? [limit('code', 'all', 'restore', code.all, 'distinct_accounts')] : []),
        ],
        requester,
        ['account', 'all'],
      )
    },

    /** Spends the quotas of one submitted code. @throws RekeyError too_many_requests, unavailable */
    spendAnswer: (requester: Requester) =>
      spend('answer', [...byAddress('answer', requester), ...byClient('answer', requester)], requester),

    /**
     * Spends the quotas of one submitted password, refunded if it is right. The quota of an account from one address is
     * smaller than from all addresses together, so that guesses from one site cannot keep the customer from signing in
     * elsewhere.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendLogin(requester: Required<Requester>): Promise<Spent> {
      const [narrowest, widest = narrowest] = networksOf(requester.address)
      return spend(
        'login',
        [
          ...byAddress('login', requester),
          ...byClient('login', requester),
          limit('login', 'account', `${requester.account}@${widest.name}`, login.accountAddress),
          limit('login', 'account', requester.account, login.account),
          limit('login', 'all', '', login.all, 'distinct_accounts'),
        ],
        requester,
        ['account', 'all'],
      )
    },

    /**
     * Spends the quota of one token request without a code, or of one client secret, refunded if it is right. By address
     * alone: the client is not authenticated yet.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendToken: (address: string) => spend('token', byAddress('token', { address }), { address }, ['address']),

    /** Spends the quotas of one new password, or of one guess at the current. @throws RekeyError too_many_requests, unavailable */
    spendPassword: (requester: Requester) =>
      spend(
        'password',
        [
          ...byAddress('password', requester),
          ...(requester.account === undefined
            ? []
            : [limit('password', 'account', requester.account, password.account)]),
        ],
        requester,
      ),
  }
}
