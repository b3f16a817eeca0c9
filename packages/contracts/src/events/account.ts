import { Type } from '@sinclair/typebox'
import { OneOf, Sealed, SessionEpoch } from '../fields.ts'
import { defineEvent } from './event.ts'

const customer = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
}

/** "It was not me": the customer is blocked until the back office lifts it. */
export const CompromiseReported = defineEvent({
  type: 'account.compromise-reported',
  summary: 'A customer said by the link of a notice that a change was not theirs; all sessions are over.',
  data: Type.Object({
    ...customer,
    changeId: Type.Integer({ description: 'Id of the history record that the notice told of.' }),
    channel: OneOf(['email', 'sms']),
    ip: Type.String(),
    sessionEpoch: SessionEpoch,
  }),
})

const byBackOffice = {
  ...customer,
  actor: OneOf(['back_office']),
  actorId: Type.String(),
  clientId: Type.String(),
  ip: Type.String(),
}

export const BlockLifted = defineEvent({
  type: 'account.block-lifted',
  summary: 'The back office lets a customer sign in and restore again, whatever stopped it.',
  data: Type.Object({
    ...byBackOffice,
    usernames: Type.Array(Sealed('auth-gateway'), {
      description: "The customer's addresses, whose wrong codes are forgiven.",
    }),
  }),
})

export const HoldEnded = defineEvent({
  type: 'account.hold-ended',
  summary: 'The back office ended a recovery hold before its time.',
  data: Type.Object({ ...byBackOffice, heldUntil: Type.String({ format: 'date-time' }) }),
})

const Devices = (description: string) =>
  Type.Array(Type.String(), { description: `${description}: oob:email:b*1@gmail.com` })

export const IdentifiersChanged = defineEvent({
  type: 'account.identifiers-changed',
  summary: 'The platform gave a customer whom it had given before other confirmed addresses.',
  data: Type.Object({
    ...customer,
    added: Devices('Where codes may be sent from now on'),
    removed: Devices('Where codes may not be sent any more; restores that were asked for before are over'),
  }),
})
