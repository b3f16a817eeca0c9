import { Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { factorKinds } from '../http/factors.ts'
import { defineEvent } from './event.ts'

const about = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
}

const fields = {
  ...about,
  factorId: Uuid,
  kind: OneOf(factorKinds),
  actor: OneOf(['client']),
  actorId: Type.String(),
  clientId: Type.String(),
  ip: Type.String(),
}

export const FactorAdded = defineEvent({
  type: 'customer.factor-added',
  summary: 'A customer enrolled an authenticator app or a passkey, or was issued recovery codes.',
  data: Type.Object({
    ...fields,
    replaced: Type.Optional({ ...Uuid, description: 'Recovery codes: the set that they replace.' }),
  }),
})

export const FactorRemoved = defineEvent({
  type: 'customer.factor-removed',
  summary:
    'A customer removed an authenticator app, a passkey, or the recovery codes; or a passkey ended that was cloned.',
  data: Type.Object({
    ...fields,
    actor: OneOf(['client', 'system']),
    reason: Type.Optional(
      OneOf(['cloned'], {
        description:
          'cloned: the counter of the passkey went back, so another authenticator has its key. clientId and ip are those of the refused proof.',
      }),
    ),
  }),
})

export const FactorsReset = defineEvent({
  type: 'customer.factors-reset',
  summary: 'The back office removed all second factors of a customer; a recovery hold began.',
  data: Type.Object({
    ...about,
    factorIds: Type.Array(Uuid),
    actor: OneOf(['back_office']),
    actorId: Type.String(),
    clientId: Type.String(),
    ip: Type.String(),
    approvedBy: Type.Optional(
      Type.String({
        description: 'Token subject of the second person who approved; absent if no approval was needed.',
      }),
    ),
    changeId: Type.Integer({ description: 'Id of the history record.' }),
    digest: Type.String({ description: 'Digest of the history record.' }),
    holdUntil: Type.String({ format: 'date-time', description: 'Withdrawals should wait until this time.' }),
  }),
})
