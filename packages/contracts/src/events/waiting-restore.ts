import { Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { vetoes } from '../waiting-restore.ts'
import { defineEvent } from './event.ts'

const byStaff = {
  actor: OneOf(['back_office']),
  actorId: Type.String({ description: 'Token subject of the member of staff.' }),
  clientId: Type.String(),
}

const fields = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
  waitingRestoreId: Uuid,
  channel: OneOf(['email', 'sms'], { description: 'The method that was proven.' }),
  changeId: Type.Integer({ description: 'Id of the history record.' }),
  digest: Type.String({ description: 'Digest of the history record.' }),
}

export const RestoreWaiting = defineEvent({
  type: 'customer.restore-waiting',
  summary:
    'A customer who could give one proof of two opened a restore that waits; any sign-in or notification can veto it.',
  data: Type.Object({
    ...fields,
    clientId: Type.String(),
    ip: Type.String(),
    endsAt: Type.String({
      format: 'date-time',
      description: 'From then on the password can be set; later, if a notification was sent late.',
    }),
  }),
})

export const RestoreVetoed = defineEvent({
  type: 'customer.restore-vetoed',
  summary: 'A waiting restore was vetoed. No password can be set by it.',
  data: Type.Object({
    ...fields,
    by: OneOf(vetoes, {
      description:
        'link: of a notification. new_password: one that was set in another way. staff: by C11, with who it was.',
    }),
    ...Type.Partial(Type.Object(byStaff)).properties,
    ip: Type.Optional(
      Type.String({ description: 'Address that the veto came from; absent if it followed from another act.' }),
    ),
  }),
})

export const RestoreWaitEnded = defineEvent({
  type: 'customer.restore-wait-ended',
  summary:
    'Two members of staff, one of whom had verified the customer, ended the wait of a restore early. The password can be set; the customer can still veto.',
  data: Type.Object({
    ...fields,
    ...byStaff,
    approvedBy: Type.String({ description: 'Token subject of the second person.' }),
    ip: Type.String({ description: 'Address of the first one.' }),
    plannedEnd: Type.String({ format: 'date-time', description: 'When the wait would have ended.' }),
  }),
})

export const RestoreCompleted = defineEvent({
  type: 'customer.restore-completed',
  summary: 'A customer set a new password after the wait of a restore. `changeId` is of the new password.',
  data: Type.Object(fields),
})

export const RestoreExpired = defineEvent({
  type: 'customer.restore-expired',
  summary: 'A waiting restore ended, and nobody set a password in time.',
  data: Type.Object(fields),
})
