import { Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { defineEvent } from './event.ts'

export const SessionRevoked = defineEvent({
  type: 'auth.session.revoked',
  summary:
    'One session was ended: by its client, by its customer, or because a refresh token or an authorization code was used twice. The end of all sessions of a customer is part of `password.*` and `account.*`.',
  data: Type.Object({
    sessionId: Type.String(),
    subject: Type.String({ description: "Token subject: the customer's code, a challenge, or the client." }),
    clientId: Type.String(),
    reason: OneOf(['revoked', 'refresh_token_reused', 'code_replayed']),
    by: Type.Optional(OneOf(['customer'], { description: 'The customer ended it from the list of sessions.' })),
  }),
})
