import { type EventData, LimitExceeded, lockoutAttempts } from '@rekey/contracts'
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

/** Reports requests over a rate limit, and lockouts: a metric, a log line, an event. */
export const createExceeded = ({ backgroundPublisher, metrics, log }: Deps) => {
  const exceeding = counter(metrics, {
    name: 'rekey_limits_exceeded_total',
    help: 'Requests over a rate limit, by action and by whose quota was used up; budget: during a lockout',
    labels: { action: actions, by: limitedBy },
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
      { account, clientId, ip }: { account: string; clientId: string; ip: string },
    ): void {
      const retryAfterSeconds = lockoutMs < 0 ? -1 : Math.ceil(lockoutMs / 1_000)
      const allowance = lockoutAttempts
      report({ action: 'answer', by: 'budget', account, clientId, ip, allowance, retryAfterSeconds }, true)
    },

    /** Counts a request during a lockout, whether the caller learns of it or not. */
    countLockedOut: (action: Action): void => exceeding.inc({ action, by: 'budget' }),
  }
}

export type ExceededReports = ReturnType<typeof createExceeded>
