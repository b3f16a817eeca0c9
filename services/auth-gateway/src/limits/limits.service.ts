import { type EventData, errors, LimitExceeded, type Purpose, RekeyError } from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import type { AllowanceSize } from '@rekey/platform/quota'
import { Counter } from 'prom-client'
import { blockingFailures } from './lockout.ts'
import { networksOf } from './client-networks.ts'
import type { Allowances } from './quotas.ts'
import type { Limit, LimitStore, Rule } from './limits.store.ts'

interface Deps {
  store: LimitStore
  allowances: Allowances
  backgroundPublisher: BackgroundPublisher
  metrics: Metrics
  now: Now
  log: Logger
}

/** Who asks, as far as it is known. */
export interface Asker {
  /** The client's address, as the gateway saw it. */
  address: string
  clientId?: string
  /** HMAC of the normalised username or of the customer (S13). */
  account?: string
}

type Action = keyof Allowances
type By = 'address' | 'account' | 'client' | 'all'

/** What is told of a limit that was met. */
type Facts = EventData<typeof LimitExceeded>

interface Named extends Limit {
  by: By
}

export interface Spent {
  /** The account's allowance is used up, and the caller must not be told so (S11). */
  isWithheld: boolean
  /**
   * Does what it was spent for. Where that cannot be done, and nobody who asked is to blame, all of it is given back;
   * where it is refused, what the account spent.
   */
  on<T>(work: () => Promise<T>): Promise<T>
  /**
   * Gives back what counts only where something happened, or went wrong: what the account spent, or a guess at a secret.
   * Best effort: nobody needs to wait for it.
   */
  giveBack(): Promise<void>
}

/** Whoever asked may be to blame: it was answered, and counts against where it came from. */
const wasRefused = (error: unknown) => error instanceof RekeyError && errors[error.code].status < 500

/** Who asks and how often: all limits of a request are decided in one step, and spent together or not at all. */
export const createLimits = ({ store, allowances, backgroundPublisher, metrics, now, log }: Deps) => {
  const exceeded = new Counter({
    name: 'rekey_limits_exceeded_total',
    help: 'Requests over a limit, by what was asked for and whose allowance was used up.',
    labelNames: ['action', 'by'],
    registers: [metrics],
  })

  const limit = (action: Action, by: By, id: string, size: AllowanceSize, rule: Rule = 'refuse') => ({
    name: `${action}:${by}:${encodeURIComponent(id)}`,
    by,
    rule,
    ...size,
  })

  /** The event and the line of the log come once for as long as a limit is used up, the metric each time. */
  const note = (action: Action, by: Facts['by'], facts: Omit<Facts, 'action' | 'by'>, isNews: boolean) => {
    exceeded.inc({ action, by })
    if (!isNews) return
    const { account, clientId, ip, allowance, retryAfterSeconds } = facts
    log.warn({
      event: 'excess_rate_limit_exceeded',
      action,
      by,
      allowance,
      retryAfterSeconds,
      clientId,
      address: ip,
      ...(account !== undefined && { account: hashForLog(account) }),
    })
    backgroundPublisher.publish(LimitExceeded, {
      subject: account ?? clientId ?? action,
      data: { action, by, ...facts },
    })
  }

  const spend = async (action: Action, limits: Named[], asker: Asker, returnable: By[] = []): Promise<Spent> => {
    const at = now().getTime()
    const spending = await store.spend(limits, at)
    if (spending.result !== 'ok') {
      const { limit, waitMs, isNews } = spending
      const { address: ip, ...who } = asker
      const retryAfterSeconds = Math.ceil(waitMs / 1_000)
      note(action, limit.by, { ...who, ip, allowance: limit.allowance, retryAfterSeconds }, isNews)
      if (spending.result === 'refused') {
        throw new RekeyError('too_many_requests', { retryAfterSeconds, allowance: limit.allowance })
      }
    }
    const { spent } = spending
    const giveAllBack = () => store.giveBack(spent, at).catch(() => {})
    const selected = spent.filter(({ by }) => returnable.includes(by))
    const giveBack = () => store.giveBack(selected, at).catch(() => {})
    return {
      isWithheld: spending.result === 'withheld',
      giveBack,
      async on(work) {
        try {
          return await work()
        } catch (error) {
          void (wasRefused(error) ? giveBack() : giveAllBack())
          throw error
        }
      },
    }
  }

  const { code, login, password } = allowances
  const byAddress = (action: Action, { address }: Asker) =>
    networksOf(address).map(({ name, clients }) => {
      const { allowance, windowMs } = allowances[action].address
      return limit(action, 'address', name, { allowance: allowance * clients, windowMs })
    })
  const byClient = (action: 'code' | 'answer' | 'login', { clientId }: Asker) =>
    clientId === undefined ? [] : [limit(action, 'client', clientId, allowances[action].client)]

  return {
    /**
     * A code that is to be sent. For a restore an account over its allowance is not refused but withheld: over-limit
     * accounts look like all others (S11). Codes to restore, to change and to sign in have an allowance each, so that
     * who asks for the one cannot keep a person from the others (S6). Accounts that restores are asked for are counted
     * over all where a challenge begins (`isFirst`): whoever holds one came before.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendCode({ purpose, isFirst }: { purpose: Purpose; isFirst: boolean }, asker: Required<Asker>): Promise<Spent> {
      const size = purpose === 'login' ? code.loginAccount : code.account
      const rule = purpose === 'restore' ? 'withhold' : 'refuse'
      return spend(
        'code',
        [
          ...byAddress('code', asker),
          ...byClient('code', asker),
          limit('code', 'account', `${purpose}:${asker.account}`, size, rule),
          ...(purpose === 'restore' && isFirst ? [limit('code', 'all', 'restore', code.all, 'newcomers')] : []),
        ],
        asker,
        ['account', 'all'],
      )
    },

    /** A code that came. @throws RekeyError too_many_requests, unavailable */
    spendAnswer: (asker: Asker) =>
      spend('answer', [...byAddress('answer', asker), ...byClient('answer', asker)], asker),

    /**
     * A password that came, to be given back where it was right. From one address fewer are wrong than from all, so that
     * whoever has one, or a whole site of them, cannot keep a person elsewhere from signing in.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendLogin(asker: Required<Asker>): Promise<Spent> {
      const [narrowest, widest = narrowest] = networksOf(asker.address)
      return spend(
        'login',
        [
          ...byAddress('login', asker),
          ...byClient('login', asker),
          limit('login', 'account', `${asker.account}@${widest.name}`, login.accountAddress),
          limit('login', 'account', asker.account, login.account),
          limit('login', 'all', '', login.all, 'newcomers'),
        ],
        asker,
        ['account', 'all'],
      )
    },

    /**
     * Any other request for a token, or a client's secret, which is given back where it was right. Not by client: nobody
     * has proven yet to be it.
     *
     * @throws RekeyError too_many_requests, unavailable
     */
    spendToken: (address: string) => spend('token', byAddress('token', { address }), { address }, ['address']),

    /** A new password, or a guess at the current one. @throws RekeyError too_many_requests, unavailable */
    spendPassword: (asker: Asker) =>
      spend(
        'password',
        [
          ...byAddress('password', asker),
          ...(asker.account === undefined ? [] : [limit('password', 'account', asker.account, password.account)]),
        ],
        asker,
      ),

    /** Notes that wrong codes have used up an account's budget (S6). `blockedMs` -1: until it is lifted. */
    noteBudget(blockedMs: number, { account, clientId, ip }: { account: string; clientId: string; ip: string }): void {
      const retryAfterSeconds = blockedMs < 0 ? -1 : Math.ceil(blockedMs / 1_000)
      note('answer', 'budget', { account, clientId, ip, allowance: blockingFailures, retryAfterSeconds }, true)
    },

    /** Counts what was asked for while an account's budget is used up, told or not. */
    countBlocked: (action: Action): void => exceeded.inc({ action, by: 'budget' }),
  }
}

export type Limits = ReturnType<typeof createLimits>
