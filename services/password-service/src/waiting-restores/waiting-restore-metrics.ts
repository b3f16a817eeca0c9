import { type Veto, vetoes } from '@rekey/contracts'
import { counter, type Metrics } from '@rekey/platform/metrics'

/** Counts what becomes of waiting restores. */
export const createWaitingMetrics = (metrics: Metrics) => {
  const restores = counter(metrics, {
    name: 'rekey_waiting_restores_total',
    help:
      'Restores with one proof of two that began to wait, whose wait the staff ended (C12), and their outcomes. by: what ' +
      'vetoed it; new_password: one that was set in another way',
    labels: { result: ['opened', 'wait_ended', 'completed', 'vetoed', 'expired'], by: ['none', ...vetoes] },
  })
  return {
    count: (result: 'opened' | 'wait_ended' | 'completed' | 'expired') => restores.inc({ result, by: 'none' }),
    vetoed: (by: Veto) => restores.inc({ result: 'vetoed', by }),
  }
}

export type WaitingMetrics = ReturnType<typeof createWaitingMetrics>
