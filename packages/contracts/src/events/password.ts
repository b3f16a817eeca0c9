import { Type } from '@sinclair/typebox'
import { OneOf, Sealed, SessionEpoch } from '../fields.ts'
import { defineEvent } from './event.ts'

const fields = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
  changeId: Type.Integer({ description: 'Id of the history record.' }),
  actor: OneOf(['client', 'back_office']),
  actorId: Type.String(),
  clientId: Type.String(),
  channel: Type.String({
    description: 'email or sms: the channel of the code that proved a restore. api: any other change.',
  }),
  ip: Type.String(),
  digest: Type.String({
    description:
      'Digest of the history record. Kept outside the database, it shows whether the end of the history was cut off.',
  }),
  sessionEpoch: SessionEpoch,
}

const approved = {
  approvedBy: Type.Optional(
    Type.String({ description: 'Token subject of the second person who approved; absent if no approval was needed.' }),
  ),
}

const held = {
  holdUntil: Type.Optional(
    Type.String({ format: 'date-time', description: 'Withdrawals should wait until this time.' }),
  ),
}

const reopens = {
  usernames: Type.Optional(
    Type.Array(Sealed('auth-gateway'), {
      description: "The customer's confirmed addresses. Sign-in that wrong passwords closed under them opens again.",
    }),
  ),
}

export const PasswordChanged = defineEvent({
  type: 'password.changed',
  summary: 'A signed-in customer changed the password; every other session ends.',
  data: Type.Object({
    ...fields,
    keptSession: Type.Optional(Type.String({ description: 'The session that made the change; it continues.' })),
  }),
})

export const PasswordRestored = defineEvent({
  type: 'password.restored',
  summary: 'A customer who had forgotten the password set a new one; all sessions end.',
  data: Type.Object({ ...fields, ...held, ...reopens }),
})

export const PasswordReset = defineEvent({
  type: 'password.reset',
  summary: 'A customer who had forgotten the password was sent a temporary one; all sessions end.',
  data: Type.Object({ ...fields, ...held, ...reopens }),
})

export const PasswordSet = defineEvent({
  type: 'password.set',
  summary: 'The back office set a temporary password for a customer; all sessions end.',
  data: Type.Object({ ...fields, ...approved, ...held, ...reopens }),
})

export const PasswordResetRequested = defineEvent({
  type: 'password.reset-requested',
  summary: 'The back office demanded a new password at the next sign-in; all sessions end.',
  data: Type.Object({
    ...fields,
    ...approved,
    jobId: Type.Optional(Type.String({ description: 'The job, if the reset was for all customers.' })),
  }),
})
