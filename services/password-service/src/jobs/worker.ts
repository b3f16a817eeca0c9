import { RekeyError } from '@rekey/contracts'
import { type Background, runInBackground } from '@rekey/platform/background'
import { createBatchSize } from '@rekey/platform/batch-size'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Progress } from '@rekey/platform/progress'
import type { Random } from '@rekey/platform/random'
import { pause } from '@rekey/platform/retry'
import { runInTrace } from '@rekey/platform/trace'
import type { Resets } from '../back-office/resets.service.ts'

import type { JobStore } from './jobs.store.ts'

interface Deps {
  store: Pick<JobStore, 'findPosition' | 'step' | 'passOver'>
  resetPart: Resets['resetPart']
  /** How many events are about to be published, counted no further than about `most`. */
  countReady(most: number): Promise<number>
  progress: Progress
  now: Now
  random: Random
  log: Logger
}

const batchSize = 128
/**
 * Events of a job stand in the same line as everyone's: it waits while so many are in it, so that those of a single
 * customer leave within a second also while a million are reset, and a broker that is away does not fill the table.
 */
const mostWaiting = 500
/** How long a new job may go unseen. */
const pollMs = 1_000
const backoffMs = { first: 25, most: 2_000 }

const isPassing = (error: unknown) => error instanceof RekeyError && error.code === 'unavailable'

/**
 * Does jobs, batch by batch, on every instance at once: whoever takes the job's row has it for one batch. A batch that
 * does not succeed is tried again by halves, until the one customer that cannot be dealt with stands alone: it is
 * counted as failed, logged, and passed over. While Postgres is away it waits. What is left at the close stays in
 * Postgres for the next worker.
 */
export const startWorker = ({ store, resetPart, countReady, progress, now, random, log }: Deps): Background => {
  const report = progress.watch('jobs')
  let lastPosition: number | undefined
  const size = createBatchSize(batchSize)

  /** @returns whether there may be more to do at once. @throws RekeyError unavailable */
  const advance = async (): Promise<boolean> => {
    let current: { jobId: string; customerId: number | undefined } | undefined
    try {
      const stepped = await store.step(size.current, now(), async (tx, job, customerIds) => {
        current = { jobId: job.id, customerId: customerIds[0] }
        const { id: jobId, actorId, clientId, ip, approvedBy } = job
        const by = { id: actorId, clientId, ip, approvedBy: approvedBy ?? undefined }
        await resetPart(tx, customerIds, { jobId, by })
      })
      if (!stepped) return false
      size.grow()
      const { id, state, total, done, failed } = stepped.job
      if (state === 'done') log.info({ event: 'password_reset_job_done', job: id, total, done, failed }, 'job done')
      return state === 'running'
    } catch (err) {
      const wasAlone = size.current === 1
      size.shrink()
      if (isPassing(err) || current?.customerId === undefined) throw err
      const { jobId, customerId } = current
      if (wasAlone && (await store.passOver(jobId, customerId))) {
        log.error({ event: 'password_reset_fail', job: jobId, customerId, err }, 'customer passed over by the job')
      }
      return true
    }
  }

  const isAnyRunning = async (): Promise<boolean> => {
    const position = await store.findPosition()
    // Another instance may move it too.
    if (position !== lastPosition) report.moved()
    report.waiting(position === undefined ? 0 : 1)
    lastPosition = position
    return position !== undefined
  }

  /** Does what there is to do, until there is nothing, or not now. */
  const work = async (stopped: AbortSignal) => {
    let waits = 0
    while (!stopped.aborted && (await isAnyRunning())) {
      if ((await countReady(mostWaiting)) >= mostWaiting) {
        await pause(Math.min(backoffMs.first * 2 ** waits, backoffMs.most), stopped)
        waits += 1
        continue
      }
      waits = 0
      // A trace for each batch: its log lines and events belong together.
      if (!(await runInTrace(random, undefined, advance))) return
    }
  }

  return runInBackground({ work, pollMs, backoffMs, waiting: 'jobs wait', log })
}
