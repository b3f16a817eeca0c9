import { Type } from '@sinclair/typebox'
import { OneOf, Sealed } from '../fields.ts'
import { codeMade } from './code-made.ts'
import { defineEvent } from './event.ts'

export const RestoreRequested = defineEvent({
  type: 'auth.restore.requested',
  summary:
    'A restore was requested, or its code was requested again. Published for existing and unknown accounts alike: the gateway does not look the customer up.',
  data: Type.Object({
    ...codeMade,
    username: Sealed('password-service'),
    withheld: Type.Optional(
      OneOf(['limit', 'budget'], {
        description:
          'The code is suppressed and the caller gets the usual answer. limit: a quota of this username is used up; budget: it is locked out after too many wrong codes.',
      }),
    ),
    knownNetwork: Type.Optional(
      Type.String({
        description:
          "HMAC of the username and the caller's network; set if this username signed in from there within 90 days. Codes for it have a quota of their own.",
      }),
    ),
    claimedIp: Type.Optional(
      Type.String({ description: 'Client-asserted IP: the address that the client states for its user.' }),
    ),
  }),
})
