import type { Purpose } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { AllowanceSize } from '@rekey/platform/quota'
import type { AccountKeys } from './account-keys.ts'
import { type Network, networksOf } from './client-networks.ts'
import type { Action, ExceededReports } from './exceeded.ts'
import type { LimitStore, NetworkKind, NextStep, Rule } from './limits.store.ts'
import type { Quotas } from './quotas.ts'
import { type By, createSpend, type Requester, type Spent } from './spending.ts'

interface Deps {
  store: LimitStore
  quotas: Quotas
  accountKeys: AccountKeys
  exceeded: ExceededReports
  now: Now
}

type Networks = [Network, ...Network[]]

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

  const spend = createSpend({ store, exceeded, now })

  /** HMAC of an account key with the network that it signs in from. */
  const networkKeyOf = (account: string, [{ name }]: Networks) => accountKeys.ofNetwork(account, name)

  const { code, login, password } = quotas
  const unknown = { network: 'unknown' } as const
  const known = { network: 'known' } as const

  /** Strangers share the wider networks of an address, so these count requests from unknown networks alone. */
  const byAddress = (action: Action, networks: Networks) =>
    networks.map(({ name, clients }, index) => {
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
     * requests for one cannot keep a customer from the others (S6). That for a second proof (`isSecond`) is refused: its
     * caller has proven to be the customer. Distinct accounts are counted when a restore opens
     * (`isFirst`): a resend is for an account that was counted.
     *
     * @param next runs in the same step, unless a quota refuses; `loadNext` loads its script
     * @throws RekeyError too_many_requests, unavailable
     */
    spendCode(
      { purpose, isFirst, isSecond = false }: { purpose: Purpose; isFirst: boolean; isSecond?: boolean },
      requester: Required<Requester>,
      next?: NextStep,
    ): Promise<Spent> {
      const size = purpose === 'login' ? code.loginAccount : code.account
      const rule = purpose === 'restore' && !isSecond ? 'suppress' : 'refuse'
      const { account } = requester
      const networks = networksOf(requester.address)
      const networkKey = networkKeyOf(account, networks)
      const ofAll = limit('code', 'all', 'restore', code.all, { rule: 'distinct_accounts', ...unknown })
      return spend(
        'code',
        [
          ...byAddress('code', networks),
          ...byClient('code', requester),
          limit('code', 'account', `${purpose}:${networkKey}`, size, { rule, ...known }),
          limit('code', 'account', `${purpose}:${account}`, size, { rule, ...unknown }),
          ...(purpose === 'restore' && isFirst ? [ofAll] : []),
        ],
        requester,
        { refundable: ['account', 'all'], networkKey, next },
      )
    },

    loadNext: store.loadNext,

    /** Spends the quotas of one submitted code. @throws RekeyError too_many_requests, unavailable */
    spendAnswer(requester: Required<Requester>, next?: NextStep): Promise<Spent> {
      const networks = networksOf(requester.address)
      const networkKey = networkKeyOf(requester.account, networks)
      const limits = [...byAddress('answer', networks), ...byClient('answer', requester)]
      return spend('answer', limits, requester, { networkKey, next })
    },

    /**
     * Spends the quotas of one submitted password, refunded if it is right. The quota of an account from one address is
     * smaller than from all addresses together, so that guesses from one site cannot keep the customer from signing in
     * elsewhere. A known network has the quota of one address: the refusals then do not show that it is known.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendLogin(requester: Required<Requester>): Promise<Spent> {
      const { account } = requester
      const networks = networksOf(requester.address)
      const networkKey = networkKeyOf(account, networks)
      const [narrowest, widest = narrowest] = networks
      const [ofKnown, ofUnknown] = [
        { isReopened: true, ...known },
        { isReopened: true, ...unknown },
      ]
      return spend(
        'login',
        [
          ...byAddress('login', networks),
          ...byClient('login', requester),
          limit('login', 'account', networkKey, login.accountAddress, ofKnown),
          limit('login', 'account', `${account}@${widest.name}`, login.accountAddress, ofUnknown),
          limit('login', 'account', account, login.account, ofUnknown),
          limit('login', 'all', '', login.all, { rule: 'distinct_accounts', ...unknown }),
        ],
        requester,
        { refundable: ['account', 'all'], networkKey },
      )
    },

    /**
     * Remembers for 90 days that an account signed in from the network of this address (S39). Best effort: nothing waits
     * for it, and without it the account has the quotas of any other.
     */
    rememberNetwork: ({ account, address }: { account: string; address: string }): Promise<void> =>
      store.rememberNetwork(networkKeyOf(account, networksOf(address))).catch(() => {}),

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
    spendToken: (address: string) =>
      spend('token', byAddress('token', networksOf(address)), { address }, { refundable: ['address'] }),

    /** Spends the quotas of one new password, or of one guess at the current. @throws RekeyError too_many_requests, unavailable */
    spendPassword(requester: Requester): Promise<Spent> {
      const { account } = requester
      const networks = networksOf(requester.address)
      const limits = byAddress('password', networks)
      if (account === undefined) return spend('password', limits, requester)
      return spend('password', [...limits, limit('password', 'account', account, password.account)], requester, {
        networkKey: networkKeyOf(account, networks),
      })
    },
  }
}
