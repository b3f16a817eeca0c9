import { type ApprovalNeeded, type Page, type PasswordChange, RekeyError } from '@rekey/contracts'
import type { History } from '../history/history.service.ts'
import type { Replacement } from '../passwords/replace-password.ts'
import type { Owner, Policy } from '../policy/policy.ts'
import type { Staff } from '../staff/staff.ts'
import type { Action } from './actions.ts'

/** What became of an action: done, begun as a job, or waiting for a second person. */
export interface Outcome {
  jobId?: string
  approval?: ApprovalNeeded
}

interface Deps {
  findCustomer(id: number): Promise<(Owner & { code: string; confirmedEmail: boolean }) | undefined>
  policy: Policy
  replacement: Pick<Replacement, 'prepare'>
  history: History
  /** Carries out at once, or asks for a second person first. */
  perform(action: Action, by: Staff): Promise<Outcome>
}

interface SetPassword {
  customerId: number
  password: string
  /** Mail it as a temporary password: 24 hours, and to be changed at the next sign-in. */
  sendMail: boolean
  by: Staff
}

/** What the back office may do. Whatever can be refused is refused before anyone is asked to agree. */
export const createBackOffice = ({ findCustomer, policy, replacement, history, perform }: Deps) => {
  const existing = async (customerId: number) => {
    const customer = await findCustomer(customerId)
    if (!customer) throw new RekeyError('not_found', { detail: 'There is no such customer.' })
    return customer
  }

  return {
    /** B7: sets a customer's password. @throws RekeyError not_found, password_refused, invalid_request, unavailable */
    async setPassword({ customerId, password, sendMail, by }: SetPassword): Promise<Outcome> {
      const candidate = policy.judge(password)
      const customer = await existing(customerId)
      candidate.refuseGuessable(customer)
      if (sendMail && !customer.confirmedEmail) {
        const message = 'the customer has no confirmed e-mail address'
        const fields = [{ field: 'send_mail', code: 'not_possible', message }]
        throw new RekeyError('invalid_request', { detail: `send_mail: ${message}.`, fields })
      }
      // Whether the present one had to be changed binds the customer alone.
      await candidate.refuseKnown({ ...customer, mustChange: false })
      const prepared = await replacement.prepare(password, { temporary: sendMail })
      const { id, code } = customer
      return perform({ kind: 'set_password', customer: { id, code }, password: prepared }, by)
    },

    /** B8: any customer's changes. @throws RekeyError not_found, unavailable */
    async listChanges(customerId: number, page: Page): Promise<{ total: number; data: PasswordChange[] }> {
      return history.list((await existing(customerId)).code, page)
    },

    /** B8: one of that customer's changes. @throws RekeyError not_found, unavailable */
    async showChange(customerId: number, changeId: number): Promise<PasswordChange> {
      return history.show((await existing(customerId)).code, changeId)
    },

    /** B9: has one customer change the password. @throws RekeyError not_found, unavailable */
    async resetPassword(customerId: number, by: Staff): Promise<Outcome> {
      const { id, code } = await existing(customerId)
      return perform({ kind: 'reset_password', customer: { id, code } }, by)
    },

    /** B9: has every customer change it, by a job. @throws RekeyError unavailable */
    resetAll: (by: Staff): Promise<Outcome> => perform({ kind: 'reset_all' }, by),
  }
}

export type BackOffice = ReturnType<typeof createBackOffice>
