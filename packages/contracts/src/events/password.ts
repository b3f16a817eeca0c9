import { Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { defineEvent } from './event.ts'

const data = Type.Object({
  customer: Type.String({ description: "The customer's code." }),
  customerId: Type.Integer(),
  changeId: Type.Integer({ description: 'Id of the history record.' }),
  actor: OneOf(['client', 'back_office']),
  actorId: Type.String(),
  clientId: Type.String(),
  channel: Type.String(),
  ip: Type.String(),
})

export const PasswordChanged = defineEvent({
  type: 'password.changed',
  summary: 'A signed-in customer changed the password.',
  data,
})

export const PasswordRestored = defineEvent({
  type: 'password.restored',
  summary: 'A customer who had forgotten the password set a new one.',
  data,
})

export const PasswordSet = defineEvent({
  type: 'password.set',
  summary: "The back office set a customer's password.",
  data,
})
