import { errors, type Purpose, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { AllowanceSize } from '@rekey/platform/quota'
import type { AccountKeys } from './account-keys.ts'
import { networksOf } from './client-networks.ts'
import type { Action, ExceededReports } from './exceeded.ts'
import type { Limit, LimitStore, NetworkKind, Rule } from './limits.store.ts'
import type { Quotas } from './quotas.ts'

interface Deps {
  store: LimitStore
  quotas: Quotas
  accountKeys: AccountKeys
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

/** When a quota counts a request, if not always, and what empties it. */
interface Applies {
  rule?: Rule
  network?: NetworkKind
  isReopened?: boolean
}

/**
 * Rate limits: one step decides on all quotas of a request, and spends all of them or none.
 *
 * Each quota that a stranger can use up, which is every one but that of the caller's own address, counts requests from
 * unknown networks alone. A request for an account that signed in from the caller's network spends a quota of this
 * account and network instead (S39). So nobody elsewhere can keep its owner out, and it is no unlimited access either.
 *
 * The network is the narrowest: one IPv4 address, or an IPv6 /64. A wider one would spare strangers together with the
 * owner: a mobile operator's /48 serves many.
 */
export const createRateLimits = ({ store, quotas, accountKeys, exceeded, now }: Deps) => {
  const limit = (
    action: Action,
    by: By,
    id: string,
    size: AllowanceSize,
    { rule = 'refuse', ...applies }: Applies = {},
  ) => ({
    name: `${action}:${by}:${encodeURIComponent(id)}`,
    by,
    rule,
    ...applies,
    ...size,
  })

  /** HMAC of an account key with the network that it signs in from. */
  const networkKeyOf = (account: string, address: string) => accountKeys.ofNetwork(account, networksOf(address)[0].name)

  const spend = async (
    action: Action,
    limits: CountedLimit[],
    requester: Requester,
    refundable: By[] = [],
  ): Promise<Spent> => {
    const at = now().getTime()
    const { account, address } = requester
    const subject = account === undefined ? undefined : { account, networkKey: networkKeyOf(account, address) }
    const spending = await store.spend(limits, at, subject)
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
      knownNetwork: spending.network === 'known' ? subject?.networkKey : undefined,
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
  const unknown = { network: 'unknown' } as const
  const known = { network: 'known' } as const

  /** Strangers share the wider networks of an address, so these count requests from unknown networks alone. */
  const byAddress = (action: Action, { address }: Requester) =>
    networksOf(address).map(({ name, clients }, index) => {
      const { allowance, windowMs } = quotas[action].address
      const applies = index === 0 ? {} : unknown
      return limit(action, 'address', name, { allowance: allowance * clients, windowMs }, applies)
    })
  const byClient = (action: 'code' | 'answer' | 'login', { clientId }: Requester) =>
    clientId === undefined ? [] : [limit(action, 'client', clientId, quotas[action].client, unknown)]

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
      const { account, address } = requester
      const ofAll = limit('code', 'all', 'restore', code.all, { rule: 'distinct_accounts', ...unknown })
      return spend(
        'code',
        [
          ...byAddress('code', requester),
          ...byClient('code', requester),
          limit('code', 'account', `${purpose}:${networkKeyOf(account, address)}`, size, { rule, ...known }),
          limit('code', 'account', `${purpose}:${account}`, size, { rule, ...unknown }),
          ...(purpose === 'restore' && isFirst ? [ofAll] : []),
        ],
        requester,
        ['account', 'all'],
      )
    },

    /** Spends the quotas of one submitted code. @throws RekeyError too_many_requests, unavailable */
    spendAnswer: (requester: Required<Requester>) =>
      spend('answer', [...byAddress('answer', requester), ...byClient('answer', requester)], requester),

    /**
     * Spends the quotas of one submitted password, refunded if it is right. The quota of an account from one address is
     * smaller than from all addresses together, so that guesses from one site cannot keep the customer from signing in
     * elsewhere. A known network has the quota of one address: the refusals then do not show that it is known.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendLogin(requester: Required<Requester>): Promise<Spent> {
      const { account, address } = requester
      const [narrowest, widest = narrowest] = networksOf(address)
      const [ofKnown, ofUnknown] = [
        { isReopened: true, ...known },
        { isReopened: true, ...unknown },
      ]
      return spend(
        'login',
        [
          ...byAddress('login', requester),
          ...byClient('login', requester),
          limit('login', 'account', networkKeyOf(account, address), login.accountAddress, ofKnown),
          limit('login', 'account', `${account}@${widest.name}`, login.accountAddress, ofUnknown),
          limit('login', 'account', account, login.account, ofUnknown),
          limit('login', 'all', '', login.all, { rule: 'distinct_accounts', ...unknown }),
        ],
        requester,
        ['account', 'all'],
      )
    },

    /**
     * Remembers for 90 days that an account signed in from the network of this address (S39). Best effort: nothing waits
     * for it, and without it the account has the quotas of any other.
     */
    rememberNetwork: ({ account, address }: { account: string; address: string }): Promise<void> =>
      store.rememberNetwork(networkKeyOf(account, address)).catch(() => {}),

    /**
     * Reopens the account's sign-in if wrong passwords have closed it (S49). Wrong codes of sign-in still count: whoever
     * reads a customer's mail could restore again and again, to guess at the code that goes to the phone.
     *
     * @param id equal at each repetition @throws RekeyError unavailable
     */
    reopenLogin: (account: string, id: string): Promise<void> =>
      store.reopen(account, id, Math.max(login.account.windowMs, login.accountAddress.windowMs)),

    /**
     * Spends the quota of one token that is submitted or asked for without a code, or of one client secret, refunded if
     * it is right. By address alone: the client is not authenticated yet.
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
