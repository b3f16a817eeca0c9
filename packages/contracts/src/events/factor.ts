import { Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { factorKinds } from '../http/factors.ts'
import { defineEvent } from './event.ts'

const fields = {
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
  factorId: Uuid,
  kind: OneOf(factorKinds),
  actor: OneOf(['client']),
  actorId: Type.String(),
  clientId: Type.String(),
  ip: Type.String(),
}

export const FactorAdded = defineEvent({
  type: 'customer.factor-added',
  summary: 'A customer enrolled an authenticator app, or was issued recovery codes.',
  data: Type.Object({
    ...fields,
    replaced: Type.Optional({ ...Uuid, description: 'Recovery codes: the set that they replace.' }),
  }),
})

export const FactorRemoved = defineEvent({
  type: 'customer.factor-removed',
  summary: 'A customer removed an authenticator app, or the recovery codes.',
  data: Type.Object(fields),
})
