import type { Logger } from '@rekey/platform/logger'
import type { JobsFeature } from '../jobs/jobs.feature.ts'
import type { PreparedPassword } from '../passwords/credential.ts'
import { type ReplaceDeps, replacePassword } from '../passwords/replace-password.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForLog } from '../staff/staff.ts'
import { endHold } from './end-hold.ts'
import { type LiftBlockDeps, liftBlock } from './lift-block.ts'
import { resetFactors } from './reset-factors.ts'
import { resetPassword } from './reset-password.ts'

interface Customer {
  id: number
  code: string
}

/** An action of the back office that has been checked: it is carried out at once, or after an approval. */
export type Action =
  | { kind: 'set_password'; customer: Customer; password: PreparedPassword }
  | { kind: 'reset_password' | 'lift_block' | 'end_hold' | 'reset_factors'; customer: Customer }
  | { kind: 'reset_all' }

type OfKind<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>

interface Deps extends LiftBlockDeps {
  replaceDeps: ReplaceDeps
  /** Least length of the hold that a reset of factors begins. */
  factorResetWaitMs: number
  startJob: JobsFeature['start']
  log: Logger
}

/**
 * Creates the function that carries out an action. The approval is decided in the action's transaction.
 *
 * @returns the id of the job, for an action on all customers
 * @throws RekeyError not_found, already_decided, unavailable
 */
export const createActions = ({ replaceDeps, factorResetWaitMs, startJob, ...deps }: Deps) => {
  const { log } = deps

  const setPassword = async (
    { customer, password }: OfKind<'set_password'>,
    by: Mandate,
    approval: ApprovalDecision | undefined,
  ) => {
    await replaceDeps.passwordMetrics.replacing('staff', () =>
      replacePassword(replaceDeps, { customerId: customer.id, password, operation: 'set', by, approval }),
    )
    log.event('authn_password_set', { customer: customer.code, ...staffForLog(by) })
  }

  const reset = async ({ id, code }: Customer, by: Mandate, approval: ApprovalDecision | undefined) => {
    await resetPassword(replaceDeps, id, by, approval)
    log.event('authn_password_reset_required', { customer: code, ...staffForLog(by) })
  }

  return async (action: Action, by: Mandate, approval?: ApprovalDecision): Promise<{ jobId?: string }> => {
    if (action.kind === 'reset_all') return startJob(by, approval)
    const { customer } = action
    if (action.kind === 'set_password') await setPassword(action, by, approval)
    if (action.kind === 'reset_password') await reset(customer, by, approval)
    if (action.kind === 'lift_block') await liftBlock(deps, customer.id, by, approval)
    if (action.kind === 'end_hold') await endHold(deps, customer.id, by, approval)
    if (action.kind === 'reset_factors') {
      await resetFactors({ ...replaceDeps, factorResetWaitMs, log }, customer.id, by, approval)
    }
    return {}
  }
}

export type CarryOut = ReturnType<typeof createActions>
