import { Approve, GetApproval, ListApprovals, Reject, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { staffOf } from '../staff/staff.ts'
import type { Approvals } from './approvals.service.ts'

const config = { scopes: [scopes.backOffice] }
const one = '/api/v2/approvals/:approvalId'

/** Approvals of actions that need a second person (four eyes). */
export const approvalRoutes = (app: Server, approvals: Omit<Approvals, 'request'>): void => {
  app.get('/api/v2/approvals', { schema: ListApprovals, config }, async (request) => approvals.list(request.query))

  app.get(one, { schema: GetApproval, config }, async (request) => approvals.show(request.params.approvalId))

  app.post(`${one}/approve`, { schema: Approve, config }, async (request, reply) => {
    const { jobId } = await approvals.approve(request.params.approvalId, staffOf(request, request.body.reason))
    return jobId === undefined ? reply.code(204).send(null) : reply.code(202).send({ jobId })
  })

  app.post(`${one}/reject`, { schema: Reject, config }, async (request, reply) => {
    await approvals.reject(request.params.approvalId, staffOf(request, request.body.reason))
    return reply.code(204).send(null)
  })
}
