import { acceptCurlBodies } from '@rekey/platform/form'
import { registerScope } from '@rekey/platform/server'
import type { Config } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Hashing } from '../hashing/hashing.feature.ts'
import type { HistoryService } from '../history/history.service.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { JobsFeature } from '../jobs/jobs.feature.ts'
import type { PasswordsFeature } from '../passwords/passwords.feature.ts'
import type { PasswordPolicy } from '../policy/policy.feature.ts'
import { createActions } from './actions.ts'
import { approvalRoutes } from './approvals.routes.ts'
import { createApprovals } from './approvals.service.ts'
import { createApprovalStore, deleteExpiredApprovals, wipeExpiredApprovals } from './approvals.store.ts'
import { backOfficeRoutes } from './back-office.routes.ts'
import { createBackOfficeService } from './back-office.service.ts'
import { endHold } from './end-hold.ts'
import { liftBlock } from './lift-block.ts'

interface Others {
  hashing: Hashing
  policy: PasswordPolicy
  history: HistoryService
  passwords: PasswordsFeature
  jobs: JobsFeature
}

/** What the back office may do to customers (B7, B8, B9), with four eyes if configured. */
export const createBackOffice = (
  infra: Infrastructure,
  config: Config,
  { hashing, policy, history, passwords, jobs }: Others,
): Feature => {
  const { replaceDeps, findById } = passwords
  const carryOut = createActions({ replaceDeps, startJob: jobs.start, log: infra.log })
  const approvals = createApprovals({ ...infra, store: createApprovalStore(infra.database), carryOut })
  const service = createBackOfficeService({
    ...infra,
    findById,
    policy: policy.policy,
    hasher: hashing.hasher,
    history,
    perform: config.REKEY_BACK_OFFICE_FOUR_EYES ? approvals.request : carryOut,
  })
  return {
    async routes(app) {
      await registerScope(app, async (scope) => {
        acceptCurlBodies(scope, ['send_mail'])
        backOfficeRoutes(scope, {
          ...service,
          liftBlock: (customerId, by) => liftBlock(infra, customerId, by),
          endHold: (customerId, by) => endHold(infra, customerId, by),
        })
      })
      approvalRoutes(app, approvals)
    },
    deletions: {
      'passwords of expired approvals': wipeExpiredApprovals(infra.loops),
      'expired approvals': deleteExpiredApprovals(infra.loops),
    },
  }
}
