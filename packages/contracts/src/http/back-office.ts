import { type Static, Type } from '@sinclair/typebox'
import { Password } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { SerialId } from './passwords.ts'
import { bearer, problems } from './problem.ts'

/** B7, PUT and PATCH alike. */
export const SetClientPassword = {
  summary: "Set a customer's password from the back office",
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId }),
  body: Type.Object({
    password: Password,
    send_mail: Type.Boolean({ description: 'Mail it as a temporary password that must be changed at next sign-in.' }),
  }),
  response: { 204: Type.Null({ description: 'Done; no body.' }), ...problems },
}
export type SetClientPasswordBody = Static<typeof SetClientPassword.body>
