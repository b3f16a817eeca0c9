import { runInBackground } from '@rekey/platform/background'
import { type BatchSize, createBatchSize } from '@rekey/platform/batch-size'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Progress } from '@rekey/platform/progress'
import type { Deletion } from './deletion.ts'

interface Deps {
  /** Deletions by the name that the metric uses; the store that owns the rows defines each. */
  deletions: Record<string, Deletion>
  metrics: Metrics
  progress: Progress
  now: Now
  log: Logger
}

const intervalMs = 60_000
const backoffMs = { first: 5_000, most: intervalMs }
const batchSize = 500

/** Deletes rows that are no longer needed, in batches. Every instance runs it. */
export const startSweeper = ({ deletions, metrics, progress, now, log }: Deps) => {
  const report = progress.watch('sweeper')
  const failures = counter(metrics, {
    name: 'rekey_sweep_failures_total',
    help: 'Deletions of expired rows that failed and are retried, with fewer rows at a time',
    labels: { rows: Object.keys(deletions) },
  })

  const batchSizes = new Map(Object.keys(deletions).map((rows) => [rows, createBatchSize(batchSize)]))

  const deleteAll = async (deleteSome: Deletion, size: BatchSize, stopped?: AbortSignal) => {
    for (let limit = size.current; ; limit = size.current) {
      const deleted = await deleteSome(now(), limit)
      if (deleted < limit || stopped?.aborted) return
      size.grow()
    }
  }

  const sweep = async (stopped?: AbortSignal) => {
    const errors: unknown[] = []
    for (const [rows, size] of batchSizes) {
      await deleteAll(deletions[rows] as Deletion, size, stopped).catch((error) => {
        // The failure may be a time-out: a smaller batch takes less time.
        size.shrink()
        failures.inc({ rows })
        errors.push(error)
      })
    }
    report.waiting(errors.length)
    if (errors.length > 0) throw errors[0]
  }

  const loop = runInBackground({
    work: sweep,
    pollMs: intervalMs,
    // Otherwise each instance of a rolling restart would sweep when it starts.
    restsFirst: true,
    backoffMs,
    waiting: 'the sweep failed',
    log,
  })
  return {
    /** Runs every deletion once, also if one fails. @throws the first failure */
    sweep: (): Promise<void> => sweep(),
    close: loop.close,
  }
}
