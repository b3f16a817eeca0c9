import { Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { defineEvent } from './event.ts'

/** One session was ended by itself; what ends all of a customer's is told by `password.*` and `account.*`. */
export const SessionRevoked = defineEvent({
  type: 'auth.session.revoked',
  summary: 'A session was ended: its access and refresh tokens are of no use any more.',
  data: Type.Object({
    sessionId: Type.String(),
    subject: Type.String({ description: "Token subject: the customer's code, a challenge, or the client." }),
    clientId: Type.String(),
    reason: OneOf(['revoked', 'refresh_token_reused', 'code_replayed']),
  }),
})
