import { Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { verificationChannels } from '../http/verifications.ts'
import { defineEvent } from './event.ts'

export const CustomerVerified = defineEvent({
  type: 'customer.verified',
  summary: 'A member of staff verified a customer who called the help desk.',
  data: Type.Object({
    customer: Type.String({ description: "The customer's code." }),
    customerId: Type.Integer(),
    verificationId: Uuid,
    method: OneOf(verificationChannels, { description: 'How the customer proved it.' }),
    actor: OneOf(['back_office']),
    actorId: Type.String({ description: 'Token subject of the member of staff, for whom alone it counts.' }),
    clientId: Type.String(),
    ip: Type.String(),
    changeId: Type.Integer({ description: 'Id of the history record.' }),
    digest: Type.String({ description: 'Digest of the history record.' }),
    verifiedUntil: Type.String({ format: 'date-time', description: 'Until when it counts.' }),
  }),
})
