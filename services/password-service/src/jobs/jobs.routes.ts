import { CancelJob, GetJob, ListJobs, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { JobService } from './jobs.service.ts'

const config = { scopes: [scopes.backOffice] }

/** B9: lists, shows and cancels jobs. */
export const jobRoutes = (app: Server, jobs: Pick<JobService, 'list' | 'show' | 'cancel'>): void => {
  app.get('/api/v2/jobs', { schema: ListJobs, config }, async (request) => jobs.list(request.query))

  app.get('/api/v2/jobs/:jobId', { schema: GetJob, config }, async (request) => jobs.show(request.params.jobId))

  app.post('/api/v2/jobs/:jobId/cancel', { schema: CancelJob, config }, async (request) =>
    jobs.cancel(request.params.jobId, staffOf(request, request.body.reason)),
  )
}
