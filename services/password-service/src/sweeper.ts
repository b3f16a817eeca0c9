import { type Background, runInBackground } from '@rekey/platform/background'
import { type BatchSize, createBatchSize } from '@rekey/platform/batch-size'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Progress } from '@rekey/platform/progress'
import type { Deletion } from './deletion.ts'

interface Deps {
  /** By what the log and the metric call them; each is defined by the store that owns the rows. */
  deletions: Record<string, Deletion>
  metrics: Metrics
  progress: Progress
  now: Now
  log: Logger
}

interface Sweeper extends Pick<Background, 'close'> {
  /**
   * Deletes everything that is no longer needed. A deletion that fails keeps no other from its turn; the first failure is
   * thrown last.
   */
  sweep(): Promise<void>
}

const intervalMs = 60_000
const backoffMs = { first: 5_000, most: intervalMs }
const batchSize = 500

/** Deletes rows that are no longer needed, some at a time. It may run on every instance. */
export const startSweeper = ({ deletions, metrics, progress, now, log }: Deps): Sweeper => {
  const report = progress.watch('sweeper')
  const failures = counter(metrics, {
    name: 'rekey_sweep_failures_total',
    help: 'Deletions of rows that are no longer needed, which failed and are tried again',
    labelNames: ['rows'],
  })

  const sizes = new Map(Object.keys(deletions).map((rows) => [rows, createBatchSize(batchSize)]))

  const deleteAll = async (deleteSome: Deletion, size: BatchSize, stopped?: AbortSignal) => {
    for (let limit = size.current; ; limit = size.current) {
      const deleted = await deleteSome(now(), limit)
      if (deleted < limit || stopped?.aborted) return
      size.grow()
    }
  }

  const sweep = async (stopped?: AbortSignal) => {
    const errors: unknown[] = []
    for (const [rows, size] of sizes) {
      await deleteAll(deletions[rows] as Deletion, size, stopped).catch((error) => {
        // The batch may have been too much for its time.
        size.shrink()
        failures.inc({ rows })
        errors.push(error)
      })
    }
    report.waiting(errors.length)
    if (errors.length > 0) throw errors[0]
  }

  const loop = runInBackground({ work: sweep, pollMs: intervalMs, backoffMs, waiting: 'the sweep failed', log })
  return { sweep: () => sweep(), close: loop.close }
}
