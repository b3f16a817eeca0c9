import { type Background, runInBackground } from '@rekey/platform/background'
import { createBatchSize } from '@rekey/platform/batch-size'
import type { Logger } from '@rekey/platform/logger'
import type { Progress } from '@rekey/platform/progress'
import type { Random } from '@rekey/platform/random'
import { runInTrace } from '@rekey/platform/trace'
import type { Database, Transaction } from '../database.ts'
import { addressRemovedNotification, type NotificationDeps } from '../notifications/notifications.ts'
import { addEventsOfMany } from '../outbox/outbox.store.ts'
import { lockLosses, markNotified } from './former-addresses.store.ts'

interface Deps extends NotificationDeps {
  loops: Database
  progress: Progress
  random: Random
  log: Logger
}

const batchSize = 100
/** Longest wait until a loss is found. An import, a process of its own, cannot wake the loop. */
const pollMs = 1_000
const backoffMs = { first: 250, most: 30_000 }
const batchTimeoutMs = 6_000

/**
 * Notifies the addresses that customers lost (S43). The transaction of a loss only records it: an import has none of the
 * keys that seal a notification. Every instance runs the loop; the lock of a loss makes one of them notify it.
 */
export const startLossNotices = (deps: Deps): Background => {
  const { loops, progress, now, random, log } = deps
  const report = progress.watch('removed addresses')
  const size = createBatchSize(batchSize)

  const notifyBatch = async (tx: Transaction): Promise<number> => {
    const losses = await lockLosses(tx, size.current)
    if (losses.length === 0) return 0
    const at = now()
    const events = await Promise.all(
      losses.map(async (loss) => ({ subject: loss.code, events: [await addressRemovedNotification(deps, loss)] })),
    )
    await markNotified(tx, losses, at)
    await addEventsOfMany(tx, at, events)
    return losses.length
  }

  /** @returns true if there may be more */
  const advance = async (): Promise<boolean> => {
    const limit = size.current
    const notified = await loops.transaction(notifyBatch, { timeoutMs: batchTimeoutMs })
    if (notified > 0) report.moved()
    size.grow()
    return notified === limit
  }

  const work = async (stopped: AbortSignal) => {
    try {
      while (!stopped.aborted && (await runInTrace(random, undefined, advance)));
      report.waiting(0)
    } catch (error) {
      // The failure may be a time-out: a smaller batch takes less time.
      size.shrink()
      report.waiting(1)
      throw error
    }
  }

  return runInBackground({ work, pollMs, backoffMs, waiting: 'removed addresses are not notified yet', log })
}
