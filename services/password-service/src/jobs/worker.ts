import { RekeyError } from '@rekey/contracts'
import { type Background, runInBackground } from '@rekey/platform/background'
import { createBatchSize } from '@rekey/platform/batch-size'
import type { Broker } from '@rekey/platform/broker'
import type { Logger } from '@rekey/platform/logger'
import { gauge, type Metrics } from '@rekey/platform/metrics'
import type { Progress } from '@rekey/platform/progress'
import type { Random } from '@rekey/platform/random'
import { pause } from '@rekey/platform/retry'
import { runInTrace } from '@rekey/platform/trace'
import type { Database } from '../database.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { countReady } from '../outbox/outbox.store.ts'
import type { JobStore } from './jobs.store.ts'
import { countQueuedNotifications } from './queued-notifications.ts'
import { resetBatch } from './reset-batch.ts'

interface Deps extends NotificationDeps {
  store: Pick<JobStore, 'findPosition' | 'skipCustomer'>
  loops: Database
  broker: Broker
  metrics: Metrics
  progress: Progress
  random: Random
  log: Logger
}

const batchSize = 128
/**
 * The job pauses while this many events wait in the outbox. Otherwise other customers' events would wait behind those of
 * a million resets, and an outage of the broker would fill the table.
 */
const mostWaiting = 500
/**
 * The job pauses while the notifier has this many notifications of resets to send, so that it goes on at the rate that the
 * mail host accepts. Otherwise 20 million customers would fill the broker with 30 GB that wait for days, and a reset of
 * one customer would be notified after them.
 */
export const mostQueued = 2_000
/** Longest wait until a new job is found. */
const pollMs = 1_000
const backoffMs = { first: 25, most: 2_000 }

const isTemporary = (error: unknown) => error instanceof RekeyError && error.code === 'unavailable'

/**
 * Carries out jobs in batches, on every instance: the lock on the job's row lasts for one batch. A failed batch is retried
 * with half the size, until one customer is left: that customer is counted as failed, logged and skipped. While Postgres
 * is unavailable the worker waits. After the close another worker continues the job.
 */
export const startWorker = (deps: Deps): Background => {
  const { store, loops, broker, metrics, progress, random, log } = deps
  const report = progress.watch('jobs')
  let lastPosition: number | undefined
  let lastQueued = 0
  const paused = gauge(metrics, {
    name: 'rekey_job_paused',
    help: '1 while a job waits for the outbox or the notifier, else 0',
    labels: { behind: ['outbox', 'notifier'] },
  })
  const size = createBatchSize(batchSize)

  /** @returns true if the job has more customers. @throws RekeyError unavailable */
  const advance = async (): Promise<boolean> => {
    const batch = await resetBatch(deps, size.current)
    if (batch.result === 'no job') return false
    if (batch.result === 'done') {
      size.grow()
      const { id, state, total, done, failed } = batch.job
      if (state === 'done') log.event('password_reset_job_done', { job: id, total, done, failed })
      return state === 'running'
    }
    const { error: err, jobId, customerId } = batch
    const wasAlone = size.current === 1
    size.shrink()
    if (isTemporary(err) || jobId === undefined || customerId === undefined) throw err
    if (wasAlone && (await store.skipCustomer(jobId, customerId))) {
      log.event('password_reset_fail', { job: jobId, customerId, err })
    }
    return true
  }

  const isAnyRunning = async (): Promise<boolean> => {
    const position = await store.findPosition()
    // Another instance may have advanced the job.
    if (position !== lastPosition) report.moved()
    report.waiting(position === undefined ? 0 : 1)
    lastPosition = position
    return position !== undefined
  }

  /** True if the job must pause, for events of the outbox or for notifications that the notifier has not sent. */
  const mustPause = async (): Promise<boolean> => {
    const isOutboxFull = (await countReady(loops, mostWaiting)) >= mostWaiting
    paused.set({ behind: 'outbox' }, Number(isOutboxFull))
    if (isOutboxFull) return true
    // While the broker does not answer, the outbox fills and pauses the job.
    const queued = await countQueuedNotifications(broker).catch(() => 0)
    const isQueueFull = queued >= mostQueued
    paused.set({ behind: 'notifier' }, Number(isQueueFull))
    // A slow mail host is no stall of the job.
    if (queued < lastQueued) report.moved()
    if (isQueueFull && lastQueued < mostQueued) log.event('password_reset_job_paused', { queued })
    lastQueued = queued
    return isQueueFull
  }

  /** Processes batches until no job is running or another instance has locked it. */
  const work = async (stopped: AbortSignal) => {
    let waits = 0
    while (!stopped.aborted && (await isAnyRunning())) {
      if (await mustPause()) {
        await pause(Math.min(backoffMs.first * 2 ** waits, backoffMs.most), stopped)
        waits += 1
        continue
      }
      waits = 0
      // One trace for each batch connects its log lines and events.
      if (!(await runInTrace(random, undefined, advance))) return
    }
  }

  return runInBackground({ work, pollMs, backoffMs, waiting: 'jobs: a batch failed, it is retried', log })
}
