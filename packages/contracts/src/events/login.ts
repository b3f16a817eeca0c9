import { Type } from '@sinclair/typebox'
import { SessionEpoch } from '../fields.ts'
import { defineEvent } from './event.ts'

export const LoginSucceeded = defineEvent({
  type: 'auth.login.succeeded',
  summary: 'A customer signed in with password and code and got an access token.',
  data: Type.Object({
    customer: Type.String(),
    clientId: Type.String(),
    ip: Type.String(),
    sessionId: Type.String(),
    sessionEpoch: SessionEpoch,
  }),
})

export const LoginFailed = defineEvent({
  type: 'auth.login.failed',
  summary: 'A sign-in was refused at the password.',
  data: Type.Object({
    account: Type.String({
      description: 'Keyed hash of the username: equal for equal usernames, whether or not the account exists.',
    }),
    clientId: Type.String(),
    ip: Type.String(),
  }),
})
