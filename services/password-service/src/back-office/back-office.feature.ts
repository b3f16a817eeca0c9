import { acceptCurlBodies } from '@rekey/platform/form'
import { registerScope } from '@rekey/platform/server'
import type { Config } from '../config.ts'
import { listFactorsOf } from '../factors/factors.store.ts'
import type { Feature } from '../feature.ts'
import type { Hashing } from '../hashing/hashing.feature.ts'
import type { HistoryService } from '../history/history.service.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { JobsFeature } from '../jobs/jobs.feature.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import type { PasswordsFeature } from '../passwords/passwords.feature.ts'
import type { PasswordPolicy } from '../policy/policy.feature.ts'
import type { WaitingRestoresFeature } from '../waiting-restores/waiting-restores.feature.ts'
import { createActions } from './actions.ts'
import { approvalRoutes } from './approvals.routes.ts'
import { createApprovals } from './approvals.service.ts'
import { createApprovalStore, deleteExpiredApprovals, wipeExpiredApprovals } from './approvals.store.ts'
import { backOfficeRoutes } from './back-office.routes.ts'
import { createBackOfficeService } from './back-office.service.ts'
import { blockCustomer } from './block-customer.ts'
import { clientRoutes } from './clients.routes.ts'
import { createClientReader } from './clients.service.ts'
import { createClientStore } from './clients.store.ts'
import { endClientSessions } from './end-sessions.ts'
import { createPerform } from './perform.ts'
import { requestEndOfWait } from './request-end-of-wait.ts'
import { vetoWaitingRestore } from './veto-waiting-restore.ts'

interface Others {
  hashing: Hashing
  policy: PasswordPolicy
  history: HistoryService
  passwords: PasswordsFeature
  jobs: JobsFeature
  lockout: LockoutFeature
  waitingRestores: WaitingRestoresFeature
}

/** The actions of the back office (B7 to B12), with four eyes if configured. */
export const createBackOffice = (
  infra: Infrastructure,
  config: Config,
  { hashing, policy, history, passwords, jobs, lockout, waitingRestores }: Others,
): Feature => {
  const { replaceDeps, findById } = passwords
  const carryOut = createActions({
    ...infra,
    replaceDeps,
    waitingDeps: waitingRestores.deps,
    startJob: jobs.start,
    factorResetWaitMs: config.REKEY_FACTOR_RESET_WAIT_HOURS * 3_600_000,
  })
  const approvals = createApprovals({ ...infra, store: createApprovalStore(infra.database), carryOut })
  const service = createBackOfficeService({
    ...infra,
    findById,
    policy: policy.policy,
    hasher: hashing.hasher,
    history,
    block: (customerId, by) => blockCustomer({ ...infra, waitingRestores }, customerId, by),
    listFactors: (customerId) => listFactorsOf(infra.database, customerId),
    newAddressMs: replaceDeps.newAddressMs,
    vetoWaitingRestore: (customerId, by) => vetoWaitingRestore(waitingRestores.deps, customerId, by),
    requestEndOfWait: (customer, by) => requestEndOfWait({ ...infra, request: approvals.request }, customer, by),
    endSessions: (customerId, by) => endClientSessions(infra, customerId, by),
    perform: createPerform({
      ...infra,
      hasFourEyes: config.REKEY_BACK_OFFICE_FOUR_EYES,
      carryOut,
      request: approvals.request,
    }),
  })
  const { lockoutOf } = lockout
  const clients = createClientReader({ ...infra, store: createClientStore(infra.database), lockoutOf })
  return {
    async routes(app) {
      clientRoutes(app, clients)
      await registerScope(app, async (scope) => {
        acceptCurlBodies(scope, ['send_mail'])
        backOfficeRoutes(scope, service)
      })
      approvalRoutes(app, approvals)
    },
    deletions: {
      'passwords of expired approvals': wipeExpiredApprovals(infra.loops),
      'expired approvals': deleteExpiredApprovals(infra.loops),
    },
  }
}
