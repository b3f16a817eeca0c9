import { type Static, Type } from '@sinclair/typebox'
import { EmailInQuery, OneOf, PhoneInQuery, SerialId, Time } from '../fields.ts'
import { CustomerCode } from '../rpc/customers.ts'
import { scopes } from '../scopes.ts'
import { passwordOperations } from './passwords.ts'
import { bearer, problems } from './problem.ts'

/** A customer as the back office sees it. Members that do not apply are absent. */
export const Client = Type.Object({
  id: SerialId,
  customer: CustomerCode,
  status: OneOf(['active', 'blocked']),
  identifiers: Type.Array(
    Type.Object({
      kind: OneOf(['email', 'phone']),
      value: Type.String(),
      verifiedAt: Type.Optional({ ...Time, description: 'Absent: not confirmed; no codes are sent there.' }),
    }),
  ),
  hold: Type.Optional(Type.Object({ until: Time }, { description: 'The active recovery hold.' })),
  restoreLockout: Type.Optional(
    Type.Object(
      {
        from: Time,
        until: Type.Optional({ ...Time, description: 'Absent: until the back office lifts the lockout.' }),
      },
      { description: 'The active lockout of restore after too many wrong codes.' },
    ),
  ),
  mustChange: Type.Boolean({ description: 'True if the password must be changed at the next sign-in.' }),
  lastChange: Type.Optional(
    Type.Object({
      id: Type.Integer(),
      type: OneOf(['changed', 'restored']),
      operation: OneOf(passwordOperations),
      createTime: Time,
    }),
  ),
})
export type Client = Static<typeof Client>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice) }

/** B10. Exactly one of `email`, `phone` and `customer`. */
export const FindClients = {
  ...about,
  operationId: 'findClients',
  summary: 'Find the customers with an e-mail address, a phone number or a code',
  querystring: Type.Object({
    email: Type.Optional(EmailInQuery),
    phone: Type.Optional(PhoneInQuery),
    customer: Type.Optional(CustomerCode),
  }),
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(Client) }), ...problems },
}
export type FindClientsQuery = Static<typeof FindClients.querystring>

/** B10. */
export const GetClient = {
  ...about,
  operationId: 'getClient',
  summary: 'Get a customer',
  params: Type.Object({ clientId: SerialId }),
  response: { 200: Client, ...problems },
}
