import { type EventData, LimitExceeded, lockoutAttempts } from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import { Counter } from 'prom-client'
import type { Quotas } from './quotas.ts'

export type Action = keyof Quotas

interface Deps {
  backgroundPublisher: BackgroundPublisher
  metrics: Metrics
  log: Logger
}

type Exceeded = EventData<typeof LimitExceeded>

/** Reports requests over a rate limit, and lockouts: a metric, a log line, an event. */
export const createExceeded = ({ backgroundPublisher, metrics, log }: Deps) => {
  const counter = new Counter({
    name: 'rekey_limits_exceeded_total',
    help: 'Requests over a limit, by action and by whose quota was used up.',
    labelNames: ['action', 'by'],
    registers: [metrics],
  })

  /** The metric counts each request; the log line and the event are written only if `isFirstReport`. */
  const report = (exceeded: Exceeded, isFirstReport: boolean): void => {
    const { action, by, account, clientId, ip, allowance, retryAfterSeconds } = exceeded
    counter.inc({ action, by })
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
    countLockedOut: (action: Action): void => counter.inc({ action, by: 'budget' }),
  }
}

export type ExceededReports = ReturnType<typeof createExceeded>
