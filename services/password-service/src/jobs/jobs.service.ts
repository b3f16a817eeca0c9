import { type Job, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { type Mandate, type Staff, staffForLog } from '../back-office/staff.ts'
import type { Transaction } from '../database.ts'
import type { JobStore } from './jobs.store.ts'

interface Deps {
  store: JobStore
  now: Now
  random: Random
  log: Logger
}

const unknownJob = () => new RekeyError('not_found', { detail: 'No such job.' })

/** B9 for all customers: starts, shows and cancels a job. `worker.ts` carries it out. */
export const createJobs = ({ store, now, random, log }: Deps) => ({
  /**
   * Starts a reset of all customers. While a job runs, it returns the id of that job, so that a repeated request starts
   * no second one. `alongside` runs in the same transaction; if it throws, no job is started.
   *
   * @throws RekeyError unavailable
   */
  async start(by: Mandate, alongside?: (tx: Transaction) => Promise<void>): Promise<{ jobId: string }> {
    const wanted = { id: random.id(), actorId: by.id, clientId: by.clientId, ip: by.ip, approvedBy: by.approvedBy }
    const { jobId, total, isNew } = await store.start(wanted, now(), alongside)
    const event = isNew ? 'password_reset_job_started' : 'password_reset_job_joined'
    log.info({ event, job: jobId, total, ...staffForLog(by) }, 'reset of all passwords requested')
    return { jobId }
  },

  /** Returns the state and progress of a job. @throws RekeyError not_found, unavailable */
  async show(id: string): Promise<Job> {
    const job = await store.find(id)
    if (!job) throw unknownJob()
    return job
  },

  /** Cancels a running job; resets that were done remain. A finished job is not changed. @throws RekeyError not_found, unavailable */
  async cancel(id: string, by: Staff): Promise<Job> {
    const cancelled = await store.cancel(id, now())
    if (!cancelled) throw unknownJob()
    const { job, stopped } = cancelled
    if (stopped)
      log.info({ event: 'password_reset_job_cancelled', job: id, ...job, ...staffForLog(by) }, 'job cancelled')
    return job
  },
})

export type Jobs = ReturnType<typeof createJobs>
