import { type Job, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { type Mandate, type Staff, staffForLog } from '../staff/staff.ts'
import type { JobStore } from './jobs.store.ts'

interface Deps {
  store: JobStore
  now: Now
  random: Random
  log: Logger
}

const refuseUnknown = () => new RekeyError('not_found', { detail: 'There is no such job.' })

/** B9 for all customers: what starts, shows and stops a job. `worker.ts` does it. */
export const createJobs = ({ store, now, random, log }: Deps) => ({
  /**
   * Starts a reset of all customers. While one runs, its id is the answer: whoever asks again because no answer came
   * has not asked for a second one. `alongside` runs in the same transaction; by throwing it undoes the start.
   *
   * @throws RekeyError unavailable
   */
  async start(by: Mandate, alongside?: (tx: Transaction) => Promise<void>): Promise<{ jobId: string }> {
    const wanted = { id: random.id(), actorId: by.id, clientId: by.clientId, ip: by.ip, approvedBy: by.approvedBy }
    const { jobId, total, isNew } = await store.start(wanted, now(), alongside)
    const event = isNew ? 'password_reset_job_started' : 'password_reset_job_joined'
    log.info({ event, job: jobId, total, ...staffForLog(by) }, 'reset of all passwords')
    return { jobId }
  },

  /** How far a job is. @throws RekeyError not_found, unavailable */
  async show(id: string): Promise<Job> {
    const job = await store.find(id)
    if (!job) throw refuseUnknown()
    return job
  },

  /** Stops a job: what was done stays done. One that has ended stays as it is. @throws RekeyError not_found, unavailable */
  async cancel(id: string, by: Staff): Promise<Job> {
    const cancelled = await store.cancel(id, now())
    if (!cancelled) throw refuseUnknown()
    const { job, stopped } = cancelled
    if (stopped) log.info({ event: 'password_reset_job_cancelled', job: id, ...job, ...staffForLog(by) }, 'job stopped')
    return job
  },
})

export type Jobs = ReturnType<typeof createJobs>
