import { formatTime, type Job, type ListedJob, noSuchResource } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import type { Database } from '../database.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, type Staff, staffForLog } from '../staff/staff.ts'
import type { JobStore, StoredJob } from './jobs.store.ts'
import { startJob } from './start-job.ts'

interface Deps {
  database: Database
  store: JobStore
  now: Now
  random: Random
  log: Logger
}

const toListed = (job: StoredJob): ListedJob => {
  const { createdAt, finishedAt, actorId, approvedBy, reason, cancelledBy, cancelReason, ...progress } = job
  return {
    ...progress,
    createTime: formatTime(createdAt),
    ...(finishedAt && { finishTime: formatTime(finishedAt) }),
    actorId,
    ...(approvedBy !== null && { approvedBy }),
    ...(reason !== null && { reason }),
    ...(cancelledBy !== null && { cancelledBy }),
    ...(cancelReason !== null && { cancelReason }),
  }
}

const unknownJob = () => noSuchResource('jobId')

/** B9 for all customers: starts, shows and cancels a job. `worker.ts` carries it out. */
export const createJobService = (deps: Deps) => {
  const { store, now, log } = deps
  return {
    /**
     * Starts a reset of all customers. While a job runs, it returns the id of that job, so that a repeated request starts
     * no second one.
     *
     * @throws RekeyError already_decided, unavailable
     */
    async start(by: Mandate, approval?: ApprovalDecision): Promise<{ jobId: string }> {
      const { jobId, total, isNew } = await startJob(deps, by, approval)
      const event = isNew ? 'password_reset_job_started' : 'password_reset_job_joined'
      log.event(event, { job: jobId, total, ...staffForLog(by) })
      return { jobId }
    },

    /** A page of all jobs, newest first. @throws RekeyError unavailable */
    async list(page: { limit: number; offset: number }): Promise<{ total: number; data: ListedJob[] }> {
      const { total, jobs } = await store.list(page)
      return { total, data: jobs.map(toListed) }
    },

    /** Returns the state and progress of a job. @throws RekeyError not_found, unavailable */
    async show(id: string): Promise<Job> {
      const job = await store.find(id)
      if (!job) throw unknownJob()
      return job
    },

    /**
     * Cancels a running job; resets that were done remain. A finished job is not changed.
     *
     * @throws RekeyError not_found, unavailable
     */
    async cancel(id: string, by: Staff): Promise<Job> {
      const cancelled = await store.cancel(id, by, now())
      if (!cancelled) throw unknownJob()
      const { job, stopped } = cancelled
      if (stopped) log.event('password_reset_job_cancelled', { job: id, ...job, ...staffForLog(by) })
      return job
    },
  }
}

export type JobService = ReturnType<typeof createJobService>
