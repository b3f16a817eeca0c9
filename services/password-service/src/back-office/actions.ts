import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { JobsFeature } from '../jobs/jobs.feature.ts'
import type { PreparedPassword } from '../passwords/credential.ts'
import { type ReplaceDeps, replacePassword } from '../passwords/replace-password.ts'
import { customerProofs, proofBehind } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForLog } from '../staff/staff.ts'
import type { WaitingDeps } from '../waiting-restores/waiting-restores.ts'
import { endHold } from './end-hold.ts'
import { endWaitOfRestore } from './end-wait.ts'
import { type LiftBlockDeps, liftBlock } from './lift-block.ts'
import { resetFactors } from './reset-factors.ts'
import { resetPassword } from './reset-password.ts'

const customerActions = [
  'set_password',
  'reset_password',
  'lift_block',
  'end_hold',
  'reset_factors',
  'end_wait',
] as const

interface Customer {
  id: number
  code: string
}

/** An action of the back office that has been checked: it is carried out at once, or after an approval. */
export type Action =
  | { kind: 'set_password'; customer: Customer; password: PreparedPassword }
  | { kind: 'reset_password' | 'lift_block' | 'end_hold' | 'reset_factors'; customer: Customer }
  | { kind: 'end_wait'; customer: Customer; waitingRestoreId: string }
  | { kind: 'reset_all' }

type OfKind<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>

interface Deps extends LiftBlockDeps {
  replaceDeps: ReplaceDeps
  waitingDeps: WaitingDeps
  /** Least length of the hold that a reset of factors begins. */
  factorResetWaitMs: number
  startJob: JobsFeature['start']
  metrics: Metrics
  log: Logger
}

/**
 * Creates the function that carries out an action. The approval is decided in the action's transaction.
 *
 * @returns the id of the job, for an action on all customers
 * @throws RekeyError not_found, customer_not_verified, no_waiting_restore, already_decided, unavailable
 */
export const createActions = ({ replaceDeps, waitingDeps, factorResetWaitMs, startJob, metrics, ...deps }: Deps) => {
  const { log } = deps
  const acts = counter(metrics, {
    name: 'rekey_staff_acts_total',
    help:
      'Acts of the back office on a customer, by what stood behind them. verified: the customer, who was verified; ' +
      'overridden: a second person instead; not_required: REKEY_STAFF_NEEDS_PROOF is false',
    labels: { action: customerActions, proof: customerProofs },
  })

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
    if (action.kind === 'end_wait') await endWaitOfRestore(waitingDeps, action, by, approval)
    const proof = action.kind === 'end_wait' ? 'verified' : proofBehind(deps, approval)
    acts.inc({ action: action.kind, proof })
    if (proof === 'overridden') {
      const about = { approval: approval?.id ?? '', action: action.kind, customer: customer.code }
      log.event('verification_overridden', { ...about, ...staffForLog(by) })
    }
    return {}
  }
}

export type CarryOut = ReturnType<typeof createActions>
