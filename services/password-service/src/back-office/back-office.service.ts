import {
  type ApprovalNeeded,
  type ClientPasswordChange,
  type ClientRecord,
  type FactorList,
  type Page,
  RekeyError,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import { toFactor } from '../factors/factor-view.ts'
import type { StoredFactor } from '../factors/factors.store.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { HistoryService } from '../history/history.service.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { preparePassword } from '../passwords/credential.ts'
import type { PasswordOwnerStore } from '../passwords/password-owners.store.ts'
import type { Policy } from '../policy/policy.ts'
import type { Staff } from '../staff/staff.ts'
import type { Action } from './actions.ts'
import { unknownCustomer } from './reset-password.ts'

/** The result of an action: carried out, started as a job, or pending until a second person approves. */
export interface Outcome {
  jobId?: string
  approval?: ApprovalNeeded
}

interface Deps extends Pick<PasswordOwnerStore, 'findById'> {
  policy: Policy
  hasher: Hasher
  keys: NotificationDeps['keys']
  random: Random
  history: HistoryService
  /** Carries out the action, or requests its approval. */
  perform(action: Action, by: Staff): Promise<Outcome>
  /** Blocks at once, also with four eyes. */
  block(customerId: number, by: Staff): Promise<void>
  listFactors(customerId: number): Promise<StoredFactor[]>
  /** How long a new factor is young. */
  newAddressMs: number
  now: Now
  /** Vetoes the waiting restore at once, also with four eyes. */
  vetoWaitingRestore(customerId: number, by: Staff): Promise<void>
  requestEndOfWait(customer: { id: number; code: string }, by: Staff): Promise<{ approval: ApprovalNeeded }>
  /** Ends all sessions at once, also with four eyes. */
  endSessions(customerId: number, by: Staff): Promise<void>
}

interface SetPassword {
  customerId: number
  password: string
  /** Mail it to the customer. In either case it is valid for 24 hours, for one sign-in, at which it must be changed. */
  sendMail: boolean
  by: Staff
}

const noMailAddress = () => {
  const message = 'the customer has no confirmed e-mail address'
  const fields = [{ field: 'send_mail', code: 'not_possible', message }]
  return new RekeyError('invalid_request', { detail: `send_mail: ${message}.`, fields })
}

/** The actions of the back office. Each is checked before its approval is requested. */
export const createBackOfficeService = ({
  findById,
  policy,
  history,
  perform,
  listFactors,
  block,
  endSessions,
  vetoWaitingRestore,
  requestEndOfWait,
  ...deps
}: Deps) => {
  const find = async (customerId: number) => {
    const customer = await findById(customerId)
    if (!customer) throw unknownCustomer()
    return customer
  }

  const ofKnown = <T>(found: T | undefined): T => {
    if (found === undefined) throw unknownCustomer()
    return found
  }

  const performOn = async (
    kind: 'reset_password' | 'lift_block' | 'end_hold' | 'reset_factors',
    customerId: number,
    by: Staff,
  ) => {
    const { id, code } = await find(customerId)
    return perform({ kind, customer: { id, code } }, by)
  }

  return {
    /** B7: sets a customer's password. @throws RekeyError not_found, password_refused, invalid_request, unavailable */
    async setPassword({ customerId, password, sendMail, by }: SetPassword): Promise<Outcome> {
      const candidate = policy.startCheck(password)
      const customer = await find(customerId)
      candidate.assertNotGuessable(customer)
      if (sendMail && !customer.confirmedEmail) throw noMailAddress()
      // The rule that the new password differs from one that must be changed applies to the customer only.
      await candidate.assertNotLeakedOrReused({ ...customer, mustChange: false })
      const prepared = await preparePassword(deps, password, { isTemporary: true, isMailed: sendMail })
      const { id, code } = customer
      return perform({ kind: 'set_password', customer: { id, code }, password: prepared }, by)
    },

    /** B8: a customer's changes. @throws RekeyError not_found, unavailable */
    async listChanges(customerId: number, page: Page): Promise<{ total: number; data: ClientPasswordChange[] }> {
      return ofKnown(await history.passwordChanges.list({ id: customerId }, page))
    },

    /** B8: one of a customer's changes. @throws RekeyError not_found, unavailable */
    async showChange(customerId: number, changeId: number): Promise<ClientPasswordChange> {
      return ofKnown(await history.passwordChanges.show({ id: customerId }, changeId))
    },

    /** A customer's records of every kind. @throws RekeyError not_found, unavailable */
    async listRecords(customerId: number, page: Page): Promise<{ total: number; data: ClientRecord[] }> {
      return ofKnown(await history.records.list({ id: customerId }, page))
    },

    /** One of them. @throws RekeyError not_found, unavailable */
    async showRecord(customerId: number, recordId: number): Promise<ClientRecord> {
      return ofKnown(await history.records.show({ id: customerId }, recordId))
    },

    /** B9: resets one customer's password. @throws RekeyError not_found, unavailable */
    resetPassword: (customerId: number, by: Staff): Promise<Outcome> => performOn('reset_password', customerId, by),

    /** Ends a customer's recovery hold. @throws RekeyError not_found, unavailable */
    endHold: (customerId: number, by: Staff): Promise<Outcome> => performOn('end_hold', customerId, by),

    /** C7: a customer's second factors. @throws RekeyError not_found, unavailable */
    async listFactors(customerId: number): Promise<FactorList> {
      const { id } = await find(customerId)
      const at = deps.now()
      const data = (await listFactors(id)).map((factor) => toFactor(factor, { at, newAddressMs: deps.newAddressMs }))
      return { total: data.length, data }
    },

    /** C7: removes all second factors. @throws RekeyError not_found, unavailable */
    resetFactors: (customerId: number, by: Staff): Promise<Outcome> => performOn('reset_factors', customerId, by),

    /** B11: blocks a customer. @throws RekeyError not_found, unavailable */
    block,

    /** C11: vetoes a customer's waiting restore. @throws RekeyError not_found, no_waiting_restore, unavailable */
    vetoWaitingRestore,

    /**
     * C12: requests the early end of a customer's wait.
     *
     * @throws RekeyError not_found, no_waiting_restore, customer_not_verified, owner_unknown, unavailable
     */
    async endWait(customerId: number, by: Staff): Promise<ApprovalNeeded> {
      const { id, code } = await find(customerId)
      return (await requestEndOfWait({ id, code }, by)).approval
    },

    /** B12: ends all sessions of a customer. @throws RekeyError not_found, unavailable */
    endSessions,

    /** Lifts a customer's block and lockouts. @throws RekeyError not_found, unavailable */
    liftBlock: (customerId: number, by: Staff): Promise<Outcome> => performOn('lift_block', customerId, by),

    /** B9: resets all customers' passwords, in a job. @throws RekeyError unavailable */
    resetAll: (by: Staff): Promise<Outcome> => perform({ kind: 'reset_all' }, by),
  }
}

export type BackOfficeService = ReturnType<typeof createBackOfficeService>
