import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { jobRoutes } from './jobs.routes.ts'
import { createJobService, type JobService } from './jobs.service.ts'
import { createJobStore } from './jobs.store.ts'
import { startWorker } from './worker.ts'

export interface JobsFeature extends Feature, Pick<JobService, 'start'> {}

/** Resets the passwords of all customers (B9), in batches. */
export const createJobs = (infra: Infrastructure): JobsFeature => {
  const store = createJobStore(infra)
  const jobs = createJobService({ ...infra, store })
  const worker = startWorker({ ...infra, store })
  return { start: jobs.start, routes: (app) => jobRoutes(app, jobs), close: worker.close }
}
