import { type Static, Type } from '@sinclair/typebox'
import {
  ClaimedIp,
  ClientId,
  ClientSecret,
  ClientTimezone,
  CompactToken,
  ConfirmationCode,
  Ignored,
  OneOf,
  Password,
  RedirectUri,
  ResponseType,
  Scope,
  SourceSystem,
  State,
  Username,
} from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, oauthErrors } from './problem.ts'

/** PKCE (RFC 7636): a public client needs it to redeem its authorization code. */
export const pkce = {
  code_challenge: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })),
  code_challenge_method: Type.Optional(OneOf(['S256'])),
}

/** The fields that A1 and A4 share. */
export const commonRequest = {
  client_id: ClientId,
  client_secret: Type.Optional(ClientSecret),
  client_timezone: ClientTimezone,
  redirect_uri: RedirectUri,
  response_type: ResponseType,
  scope: Scope,
  source_system: SourceSystem,
  state: State,
  username: Username,
}

/** The same answer whether or not the account exists. The contract has the error fields at status 200. */
export const CodeSent = Type.Object({
  mfa_token: Type.String(),
  code: Type.String({ description: 'Verification code: shown to the customer and repeated in the message.' }),
  error: Type.Literal('mfa_code_required'),
  error_description: Type.String(),
  state: Type.String(),
})
export type CodeSent = Static<typeof CodeSent>

/** A1. */
export const PasswordRestore = {
  summary: 'Request a password restore',
  tags: ['Restore'],
  body: Type.Object({ ...commonRequest, ip: Type.Optional(ClaimedIp), ...pkce }),
  response: { 200: CodeSent, ...oauthErrors },
}
export type PasswordRestoreBody = Static<typeof PasswordRestore.body>

const tokenFields = {
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  scope: Type.String(),
  state: Type.Optional(Type.String()),
}

/** RFC 6749 §5.1. */
export const TokenAnswer = Type.Object({
  access_token: Type.String(),
  refresh_token: Type.Optional(Type.String()),
  ...tokenFields,
})
export type TokenAnswer = Static<typeof TokenAnswer>

export const SignTokenAnswer = Type.Object({ sign_token: Type.String(), ...tokenFields })

export const AuthorizationCodeAnswer = Type.Object({
  code: Type.String(),
  redirect_uri: Type.String(),
  state: Type.String(),
})

/** A2. */
export const PasswordRestoreVerification = {
  summary: 'Exchange the confirmation code for a token',
  tags: ['Restore'],
  body: Type.Object({
    client_id: Type.Optional(ClientId),
    client_secret: Type.Optional(ClientSecret),
    client_timezone: Ignored('Offset to GMT in hours.'),
    code: ConfirmationCode,
    grant_type: OneOf(['mfa_oob']),
    ip: Type.Optional(ClaimedIp),
    mfa_token: CompactToken,
    redirect_uri: Type.Optional(
      Type.String({ description: 'With response_type code: that of the request for a code. Else ignored.' }),
    ),
    response_type: ResponseType,
    scope: Scope,
    source_system: Ignored('Source system.'),
    state: State,
    ...pkce,
  }),
  response: { 200: Type.Union([TokenAnswer, SignTokenAnswer, AuthorizationCodeAnswer]), ...oauthErrors },
}
export type PasswordRestoreVerificationBody = Static<typeof PasswordRestoreVerification.body>

/** A3. */
export const PasswordRestoreReset = {
  summary: 'Reset the password with the access token of a restore',
  tags: ['Restore'],
  ...bearer(scopes.restore),
  body: Type.Object({
    client_id: Type.Optional(ClientId),
    client_secret: Type.Optional(ClientSecret),
    client_timezone: ClientTimezone,
    ip: ClaimedIp,
    response_type: ResponseType,
    source_system: SourceSystem,
    password: Type.Optional({
      ...Password,
      description: 'The new password. If absent, the customer is sent a temporary one.',
    }),
  }),
  response: { 200: Type.Object({}, { description: 'Done.' }), ...oauthErrors },
}
export type PasswordRestoreResetBody = Static<typeof PasswordRestoreReset.body>
