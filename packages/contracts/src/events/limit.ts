import { Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { defineEvent } from './event.ts'

/** One event for as long as a limit goes on refusing, however many requests it refuses. */
export const LimitExceeded = defineEvent({
  type: 'auth.limit.exceeded',
  summary: 'More was asked than is allowed, or a code guessed at too often.',
  data: Type.Object({
    action: OneOf(['code', 'answer', 'login', 'token', 'password'], {
      description: 'What was asked for: a code, its answer, a sign-in, a token, or a new password.',
    }),
    by: OneOf(['address', 'account', 'client', 'all', 'budget'], {
      description: 'Whose allowance is used up; all: too many different accounts; budget: wrong codes of one account.',
    }),
    account: Type.Optional(Type.String({ description: 'HMAC of the normalised username or of the customer.' })),
    clientId: Type.Optional(Type.String()),
    ip: Type.String(),
    allowance: Type.Integer({ description: 'How many are allowed.' }),
    retryAfterSeconds: Type.Integer({ description: '-1: until the back office lifts it.' }),
  }),
})
