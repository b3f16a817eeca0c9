import type { Logger } from '@rekey/platform/logger'
import type { Transaction } from '../database.ts'
import type { Jobs } from '../jobs/jobs.service.ts'
import type { PreparedPassword, Replacement } from '../passwords/replace-password.ts'
import { type Mandate, staffForLog } from '../staff/staff.ts'
import type { Resets } from './reset-password.ts'

interface Customer {
  id: number
  code: string
}

/** What the back office does to passwords, checked and ready to be carried out: at once, or when another agrees. */
export type Action =
  | { kind: 'set_password'; customer: Customer; password: PreparedPassword }
  | { kind: 'reset_password'; customer: Customer }
  | { kind: 'reset_all' }

interface Deps {
  replacement: Pick<Replacement, 'replace'>
  resets: Pick<Resets, 'resetOne'>
  jobs: Pick<Jobs, 'start'>
  log: Logger
}

/**
 * Carries an action out. `alongside` runs in the transaction that does it; by throwing it undoes it.
 *
 * @returns the job that was started, where it is one
 * @throws RekeyError not_found, unavailable
 */
export type CarryOut = (
  action: Action,
  by: Mandate,
  alongside?: (tx: Transaction) => Promise<void>,
) => Promise<{ jobId?: string }>

export const createActions = ({ replacement, resets, jobs, log }: Deps): CarryOut => {
  return async (action, by, alongside) => {
    if (action.kind === 'reset_all') return jobs.start(by, alongside)
    const { customer } = action
    if (action.kind === 'reset_password') {
      await resets.resetOne(customer.id, by, alongside)
      const line = { event: 'authn_password_reset', customer: customer.code, ...staffForLog(by) }
      log.info(line, 'password to be changed: the back office wants it')
      return {}
    }
    const { password } = action
    await replacement.replace({ customerId: customer.id, password, operation: 'set', by, alongside })
    const temporary = password.temporary !== undefined
    const line = { event: 'authn_password_set', customer: customer.code, temporary, ...staffForLog(by) }
    log.info(line, 'password set by the back office')
    return {}
  }
}
