import { type Static, Type } from '@sinclair/typebox'
import {
  ClaimedIp,
  ClientId,
  ClientSecret,
  ClientTimezone,
  CompactToken,
  Password,
  ResponseType,
  State,
} from '../fields.ts'
import { oauthErrors } from './problem.ts'
import { CodeSent, commonRequest } from './restore.ts'

/** A4. */
export const Login = {
  summary: 'Sign in with the password; a code is needed next',
  tags: ['Sign-in'],
  body: Type.Object({ ...commonRequest, ip: ClaimedIp, password: Password }),
  response: {
    200: Type.Object({
      error: Type.Literal('mfa_required'),
      error_description: Type.String(),
      challenge_type: Type.Array(Type.String(), { description: "The customer's devices, masked." }),
      binding_method: Type.Literal('prompt'),
      mfa_token: Type.String(),
      state: Type.String(),
    }),
    ...oauthErrors,
  },
}
export type LoginBody = Static<typeof Login.body>
export type LoginAnswer = Static<(typeof Login.response)[200]>

/** A4b. */
export const SendChallenge = {
  summary: 'Send a code to a device, or send it again',
  tags: ['Sign-in', 'Restore'],
  body: Type.Object({
    challenge_type: Type.String({
      pattern: '^\\P{C}+$',
      maxLength: 300,
      description:
        "One of the devices that the sign-in offered. To send a restore's code again: the device in its mfa_token's amr.",
    }),
    client_id: Type.Optional(ClientId),
    client_secret: Type.Optional(ClientSecret),
    client_timezone: ClientTimezone,
    ip: Type.Optional(ClaimedIp),
    mfa_token: CompactToken,
    response_type: ResponseType,
    state: State,
  }),
  response: { 200: CodeSent, ...oauthErrors },
}
export type SendChallengeBody = Static<typeof SendChallenge.body>
