import { type EventData, LimitExceeded, lockoutAttempts, type Purpose } from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Quotas } from './quotas.ts'

const actions = ['code', 'answer', 'login', 'token', 'password'] as const satisfies (keyof Quotas)[]
export type Action = keyof Quotas

interface Deps {
  backgroundPublisher: BackgroundPublisher
  metrics: Metrics
  log: Logger
}

type Exceeded = EventData<typeof LimitExceeded>
const limitedBy = ['address', 'account', 'client', 'all', 'budget'] as const satisfies Exceeded['by'][]

/** A restore counts wrong codes of the username, since the gateway does not know its customer. */
const lockoutLabels = {
  restore: { kind: 'restore', account: 'username' },
  login: { kind: 'sign_in', account: 'customer' },
  change: { kind: 'change', account: 'customer' },
} as const satisfies Record<Purpose, object>

/** Reports requests over a rate limit, and lockouts: a metric, a log line, an event. */
export const createExceeded = ({ backgroundPublisher, metrics, log }: Deps) => {
  const exceeding = counter(metrics, {
    name: 'rekey_limits_exceeded_total',
    help: 'Requests over a rate limit, by action and by whose quota was used up; budget: during a lockout',
    labels: { action: actions, by: limitedBy },
  })

  const lockouts = counter(metrics, {
    name: 'rekey_lockouts_total',
    help:
      'Lockouts that wrong codes began, by what is locked, and by whose wrong codes were counted: those of a username at ' +
      'the gateway, or of a customer over all addresses. Ten wrong codes of one username can begin one of each',
    labels: { kind: ['restore', 'sign_in', 'change'], account: ['username', 'customer'] },
  })

  /** The metric counts each request; the log line and the event are written only if `isFirstReport`. */
  const report = (exceeded: Exceeded, isFirstReport: boolean): void => {
    const { action, by, account, clientId, ip, allowance, retryAfterSeconds } = exceeded
    exceeding.inc({ action, by })
    if (!isFirstReport) return
    log.event('excess_rate_limit_exceeded', {
      action,
      by,
      allowance,
      retryAfterSeconds,
      clientId,
      address: ip,
      ...(account !== undefined && { account: hashForLog(account) }),
    })
    backgroundPublisher.publish(LimitExceeded, { subject: account ?? clientId ?? action, data: exceeded })
  }

  return {
    report,

    /** Reports that a lockout of an account begins (S6). `lockoutMs` -1: until the back office lifts it. */
    reportLockout(
      lockoutMs: number,
      { purpose, account, clientId, ip }: { purpose: Purpose; account: string; clientId: string; ip: string },
    ): void {
      lockouts.inc(lockoutLabels[purpose])
      const retryAfterSeconds = lockoutMs < 0 ? -1 : Math.ceil(lockoutMs / 1_000)
      const allowance = lockoutAttempts
      report({ action: 'answer', by: 'budget', account, clientId, ip, allowance, retryAfterSeconds }, true)
    },

    /** Counts a request during a lockout, whether the caller learns of it or not. */
    countLockedOut: (action: Action): void => exceeding.inc({ action, by: 'budget' }),
  }
}

export type ExceededReports = ReturnType<typeof createExceeded>
