import { CancelJob, GetJob, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { JobService } from './jobs.service.ts'

const config = { scopes: [scopes.backOffice] }

/** B9: shows and cancels a job. */
export const jobRoutes = (app: Server, jobs: Pick<JobService, 'show' | 'cancel'>): void => {
  app.get('/api/v2/jobs/:jobId', { schema: GetJob, config }, async (request) => jobs.show(request.params.jobId))
  app.post('/api/v2/jobs/:jobId/cancel', { schema: CancelJob, config }, async (request) =>
    jobs.cancel(request.params.jobId, staffOf(request)),
  )
}
