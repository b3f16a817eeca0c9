import type { Logger } from '@rekey/platform/logger'
import type { JobsFeature } from '../jobs/jobs.feature.ts'
import type { PreparedPassword } from '../passwords/credential.ts'
import { type ReplaceDeps, replacePassword } from '../passwords/replace-password.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForLog } from '../staff/staff.ts'
import { resetPassword } from './reset-password.ts'

interface Customer {
  id: number
  code: string
}

/** An action of the back office that has been checked: it is carried out at once, or after an approval. */
export type Action =
  | { kind: 'set_password'; customer: Customer; password: PreparedPassword }
  | { kind: 'reset_password'; customer: Customer }
  | { kind: 'reset_all' }

interface Deps {
  replaceDeps: ReplaceDeps
  startJob: JobsFeature['start']
  log: Logger
}

/**
 * Creates the function that carries out an action. The approval is decided in the action's transaction.
 *
 * @returns the id of the job, for an action on all customers
 * @throws RekeyError not_found, already_decided, unavailable
 */
export const createActions =
  ({ replaceDeps, startJob, log }: Deps) =>
  async (action: Action, by: Mandate, approval?: ApprovalDecision): Promise<{ jobId?: string }> => {
    if (action.kind === 'reset_all') return startJob(by, approval)
    const { customer } = action
    if (action.kind === 'reset_password') {
      await resetPassword(replaceDeps, customer.id, by, approval)
      const line = { event: 'authn_password_reset_required', customer: customer.code, ...staffForLog(by) }
      log.info(line, 'the back office requires a new password')
      return {}
    }
    const { password } = action
    await replacePassword(replaceDeps, { customerId: customer.id, password, operation: 'set', by, approval })
    const temporary = password.temporary !== undefined
    const line = { event: 'authn_password_set', customer: customer.code, temporary, ...staffForLog(by) }
    log.info(line, 'the back office set a password')
    return {}
  }

export type CarryOut = ReturnType<typeof createActions>
