import { Type } from '@sinclair/typebox'
import { alwaysLog } from './event.ts'
import { byStaff, Count, Customer, Flag, Id, ListOf, Name, Route, Subject, Thrown, Time, Word } from './fields.ts'

const service = 'password-service'

const approval = {
  ...byStaff,
  approval: Id,
  action: Word(['set_password', 'reset_password', 'reset_all', 'lift_block', 'end_hold']),
  customer: Type.Optional(Customer),
}
const fourEyes = 'See [Four eyes](operations.md#four-eyes).'

/** Security events of what members of staff read and did. */
export const backOfficeEvents = {
  back_office_read: alwaysLog({
    severity: 'info',
    service: ['password-service', 'auth-gateway'],
    message: 'the back office read',
    when: 'An answer of the back office API was given. See [What staff read](operations.md#what-staff-read).',
    action: '',
    fields: {
      ...byStaff,
      what: Route,
      parameters: ListOf(Name),
      customerId: Type.Optional(Count),
      customers: ListOf(Customer),
    },
  }),
  back_office_approval_requested: alwaysLog({
    severity: 'info',
    service,
    message: 'approval requested',
    when: 'A member of staff asked for an act that needs a second person.',
    action: '',
    fields: approval,
  }),
  back_office_approval_approved: alwaysLog({
    severity: 'info',
    service,
    message: 'approval given',
    when: 'The second person approved, and the act was carried out.',
    action: '',
    fields: { ...approval, maker: Subject },
  }),
  back_office_approval_rejected: alwaysLog({
    severity: 'info',
    service,
    message: 'approval rejected',
    when: 'The second person rejected the act.',
    action: '',
    fields: { ...approval, maker: Subject },
  }),
  back_office_approval_own: alwaysLog({
    severity: 'warn',
    service,
    message: 'the maker may not decide an approval',
    when: 'A member of staff tried to decide an own act, or one of the same owner.',
    action: fourEyes,
    fields: approval,
  }),
  authn_password_set: alwaysLog({
    severity: 'info',
    service,
    message: 'the back office set a temporary password',
    when: 'A member of staff set a temporary password.',
    action: '',
    fields: { ...byStaff, customer: Customer },
  }),
  authn_password_reset_required: alwaysLog({
    severity: 'info',
    service,
    message: 'the back office requires a new password',
    when: 'A member of staff demanded a new password at the next sign-in.',
    action: '',
    fields: { ...byStaff, customer: Customer },
  }),
  authn_customer_blocked: alwaysLog({
    severity: 'info',
    service,
    message: 'the back office blocked a customer',
    when: 'A member of staff blocked a customer.',
    action: '',
    fields: { ...byStaff, customer: Customer, wasBlocked: Flag },
  }),
  authn_block_lifted: alwaysLog({
    severity: 'info',
    service,
    message: 'block and lockout lifted: the customer can sign in and restore',
    when: 'A member of staff lifted a block or a lockout. `failures`: failed attempts that were reset.',
    action: '',
    fields: { ...byStaff, customer: Customer, wasBlocked: Flag, failures: Count },
  }),
  recovery_hold_ended: alwaysLog({
    severity: 'info',
    service,
    message: 'recovery hold ended early',
    when: 'A member of staff ended a recovery hold before its time.',
    action: '',
    fields: { ...byStaff, customer: Customer, heldUntil: Time },
  }),
  password_reset_job_started: alwaysLog({
    severity: 'info',
    service,
    message: 'reset of all passwords requested',
    when: 'A member of staff began a reset of all customers.',
    action: 'See [Everyone needs a new password](operations.md#everyone-needs-a-new-password).',
    fields: { ...byStaff, job: Id, total: Count },
  }),
  password_reset_job_joined: alwaysLog({
    severity: 'info',
    service,
    message: 'reset of all passwords requested',
    when: 'The same, while such a job was running.',
    action: '',
    fields: { ...byStaff, job: Id, total: Count },
  }),
  password_reset_job_cancelled: alwaysLog({
    severity: 'info',
    service,
    message: 'job cancelled',
    when: 'A member of staff cancelled the job. Customers who were reset stay so.',
    action: '',
    fields: {
      ...byStaff,
      job: Id,
      state: Word(['running', 'done', 'cancelled']),
      total: Count,
      done: Count,
      failed: Count,
    },
  }),
  password_reset_job_done: alwaysLog({
    severity: 'info',
    service,
    message: 'reset of all passwords done',
    when: 'The job reached its last customer.',
    action: '`failed` above 0: reset those customers by hand; `password_reset_fail` names them.',
    fields: { job: Id, total: Count, done: Count, failed: Count },
  }),
  password_reset_job_paused: alwaysLog({
    severity: 'warn',
    service,
    message: 'reset of all passwords waits for the notifier',
    when: 'Too many notifications wait for the notifier. The job goes on by itself.',
    action: 'If it lasts: see [Mail and SMS](operations.md#mail-and-sms).',
    fields: { queued: Count },
  }),
  password_reset_fail: alwaysLog({
    severity: 'error',
    service,
    message: 'reset of a customer failed: the job skips it',
    when: 'One customer of the job could not be reset.',
    action: 'Reset the customer with `POST /api/v2/clients/{customerId}/reset-password`.',
    fields: { job: Id, customerId: Count, err: Thrown },
  }),
}
