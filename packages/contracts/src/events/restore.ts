import { Type } from '@sinclair/typebox'
import { OneOf, Sealed } from '../fields.ts'
import { codeMade } from './code-made.ts'
import { defineEvent } from './event.ts'

/** Somebody asked for a code to restore a password. Whether the account exists is not known where this is published. */
export const RestoreRequested = defineEvent({
  type: 'auth.restore.requested',
  summary: 'A restore was asked for, or its code asked for again.',
  data: Type.Object({
    ...codeMade,
    username: Sealed('password-service'),
    withheld: Type.Optional(
      OneOf(['limit', 'budget'], {
        description:
          'No code is to be sent, and nobody told so: too many were asked for, or guessed at, for this username.',
      }),
    ),
    claimedIp: Type.Optional(Type.String({ description: 'Address the client claims for its user.' })),
  }),
})
