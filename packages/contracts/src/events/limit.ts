import { Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { defineEvent } from './event.ts'

export const LimitExceeded = defineEvent({
  type: 'auth.limit.exceeded',
  summary:
    'A quota is used up, or an account is locked out after too many wrong codes. One event per period of refusals, however many requests are refused.',
  data: Type.Object({
    action: OneOf(['code', 'answer', 'login', 'token', 'password'], {
      description: 'What the requests were for: a code, its answer, a sign-in, a token, or a new password.',
    }),
    by: OneOf(['address', 'account', 'client', 'all', 'budget'], {
      description: 'Whose quota is used up; all: too many distinct accounts; budget: failed attempts of one account.',
    }),
    account: Type.Optional(Type.String({ description: 'HMAC of the normalised username or of the customer.' })),
    clientId: Type.Optional(Type.String()),
    ip: Type.String(),
    allowance: Type.Integer({ description: 'How many requests the quota allows.' }),
    retryAfterSeconds: Type.Integer({ description: '-1: until the back office lifts the lockout.' }),
  }),
})
