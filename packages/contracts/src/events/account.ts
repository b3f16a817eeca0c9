import { Type } from '@sinclair/typebox'
import { OneOf, Sealed, SessionEpoch } from '../fields.ts'
import { defineEvent } from './event.ts'

const customer = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
}

/** `changeId` of a report about a removed address: ids of history records begin at 1. */
export const noChangeId = 0

export const CompromiseReported = defineEvent({
  type: 'account.compromise-reported',
  summary:
    'A customer reported through the link of a notification that a change was not theirs. The customer is blocked until the back office lifts the block, and all sessions end.',
  data: Type.Object({
    ...customer,
    changeId: Type.Integer({
      description:
        'Id of the history record that the notification was about; 0 if it was about a removed address or a second factor.',
    }),
    channel: OneOf(['email', 'sms']),
    ip: Type.String(),
    sessionEpoch: SessionEpoch,
    recordId: Type.Optional(Type.Integer({ description: 'Id of the history record of the block.' })),
    digest: Type.Optional(Type.String({ description: 'Digest of that record.' })),
  }),
})

const byBackOffice = {
  ...customer,
  actor: OneOf(['back_office']),
  actorId: Type.String(),
  clientId: Type.String(),
  ip: Type.String(),
  approvedBy: Type.Optional(
    Type.String({ description: 'Token subject of the second person who approved; absent if no approval was needed.' }),
  ),
  changeId: Type.Optional(Type.Integer({ description: 'Id of the history record.' })),
  digest: Type.Optional(Type.String({ description: 'Digest of the history record.' })),
}

export const CustomerBlocked = defineEvent({
  type: 'account.blocked',
  summary: 'The back office blocked a customer, until it lifts the block; all sessions end.',
  data: Type.Object({ ...byBackOffice, sessionEpoch: SessionEpoch }),
})

export const SessionsEnded = defineEvent({
  type: 'account.sessions-ended',
  summary: 'All sessions of a customer ended: by the customer, who kept one, or by the back office.',
  data: Type.Object({
    ...byBackOffice,
    actor: OneOf(['client', 'back_office']),
    sessionEpoch: SessionEpoch,
    keptSession: Type.Optional(Type.String({ description: 'The session that the customer kept.' })),
  }),
})

export const BlockLifted = defineEvent({
  type: 'account.block-lifted',
  summary:
    'The back office lifted whatever kept a customer from signing in or restoring: a block, or a lockout. Also published if neither existed.',
  data: Type.Object({
    ...byBackOffice,
    usernames: Type.Array(Sealed('auth-gateway'), {
      description: "The customer's addresses. Their failed attempts are reset.",
    }),
  }),
})

export const HoldEnded = defineEvent({
  type: 'account.hold-ended',
  summary: 'The back office ended a recovery hold before its time.',
  data: Type.Object({ ...byBackOffice, heldUntil: Type.String({ format: 'date-time' }) }),
})

export const CustomerErased = defineEvent({
  type: 'account.erased',
  summary:
    'A customer was erased: erase what you keep of it. All sessions end; a customer of the same code in a later event is another one.',
  data: Type.Object({
    ...customer,
    sessionEpoch: SessionEpoch,
    records: Type.Integer({ description: 'History records that are kept without what identifies a person.' }),
    usernames: Type.Array(Sealed('auth-gateway'), {
      description: "The customer's addresses. Their failed attempts and quotas are deleted.",
    }),
  }),
})

const Devices = (description: string) =>
  Type.Array(Type.String(), { description: `${description}: oob:email:b*1@gmail.com` })

export const IdentifiersChanged = defineEvent({
  type: 'account.identifiers-changed',
  summary: 'The platform changed the confirmed addresses of an existing customer.',
  data: Type.Object({
    ...customer,
    added: Devices('Devices that may receive codes from now on'),
    removed: Devices('Devices that may no longer receive codes; open restores of the customer end'),
  }),
})
