import { type Static, Type } from '@sinclair/typebox'
import {
  ClaimedIp,
  ClientId,
  ClientSecret,
  ClientTimezone,
  CompactToken,
  Ignored,
  OneOf,
  Password,
  ProofCode,
  proofGrantTypes,
  RedirectUri,
  ResponseType,
  Scope,
  SourceSystem,
  State,
  Username,
} from '../fields.ts'
import { PasskeyAssertion } from '../passkeys.ts'
import { scopes } from '../scopes.ts'
import { mandatoryIf } from './endpoint.ts'
import { bearer, clientAuthentication, oauthErrors, refuses } from './problem.ts'

/** PKCE (RFC 7636): a public client needs it to redeem its authorization code. */
export const pkce = {
  code_challenge: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description: 'SHA-256 of the verifier, in base64url (RFC 7636 §4.2).',
      examples: ['E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'],
    }),
  ),
  code_challenge_method: Type.Optional(OneOf(['S256'])),
}

/** A challenge without a method would mean `plain` (RFC 7636 §4.3), which is refused. */
const pkceRule = mandatoryIf('code_challenge', {}, ['code_challenge_method'])

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

/** Of the bank's example, as the next two. */
export const exampleMfaToken =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImN0eSI6IiJ9.eyJpc3MiOiJodHRwczpcL1wvYXBpLm4wLmVsY29pbi5jby51a1wvIiwic3ViIjoiRU4wMDAwMENZIiwiYWN0Ijp7InN1YiI6IkVOMDAwMDBDWSJ9LCJleHAiOjE2MjY5NDAzMjksImp0aSI6ImUyOThkMzc4LTdlOWQtMjg5My04NDE0LThlMDI2MDY4MzJlYiIsInNpZCI6ImUyOThkMzc4LTdlOWQtMjg5My04NDE0LThlMDJmMGZlMmVlYiIsImFtciI6Im9vYjplbWFpbDpicG10ZXN0dXNyMUBnbWFpbC5jb20iLCJjbGllbnRfaWQiOiJpYl9sb2NhbGhvc3QiLCJzY29wZSI6Im1mYV90b2tlbjo3MDI0IiwidG9rZW5fdHlwZSI6ImJlYXJlciIsImV4cGlyZXMiOiIyMDIxLTA3LTIyVDA3OjUyOjA5LjAwMC0wMDowMCIsImlzc3VlZF9hdCI6IjE5NzAtMDEtMDFUMDA6MDA6MDAuMDAwLTAwOjAwIn0.e5FnOS_80-BlG_O1GosN-IhIu5EUDkh6IHUQMUKAiDI'

const codeSentExample = {
  mfa_token: exampleMfaToken,
  code: '7024',
  error: 'mfa_code_required',
  error_description: 'Please confirm challenge with sent code',
  state: '5e982a097260d146803b5da13b1a19c2',
}

/** The same answer whether or not the account exists. The contract has the error fields at status 200. */
export const CodeSent = Type.Object(
  {
    mfa_token: Type.String({ description: 'Names the challenge. A JWT, which clients need not decode.' }),
    code: Type.String({ description: 'Verification code: shown to the customer and repeated in the message.' }),
    error: Type.Literal('mfa_code_required'),
    error_description: Type.String(),
    state: Type.String(),
  },
  { description: 'A code is sent, if there is such an account.', examples: [codeSentExample] },
)
export type CodeSent = Static<typeof CodeSent>

const restoreExample = {
  response_type: 'code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  state: '5e982a097260d146803b5da13b1a19c2',
  username: 'bpmtestusr1@gmail.com',
  ip: '::1',
  client_timezone: '-3',
  source_system: 'IB',
}

/** A1. */
export const PasswordRestore = {
  operationId: 'requestRestore',
  summary: 'Request a password restore',
  description:
    'Sends a confirmation code, if there is such an account. The answer is the same with and without one, and its verification code is repeated in the message.',
  tags: ['Restore'],
  ...clientAuthentication,
  ...refuses('access_denied', 'invalid_client', 'invalid_scope', 'unsupported_response_type'),
  body: Type.Object(
    { ...commonRequest, ip: Type.Optional(ClaimedIp), ...pkce },
    { examples: [restoreExample], allOf: [pkceRule] },
  ),
  response: { 200: CodeSent, ...oauthErrors },
}
export type PasswordRestoreBody = Static<typeof PasswordRestore.body>

const tokenFields = {
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds.', examples: [600] }),
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

const verificationExample = (responseType: 'sign_token' | 'access_token') => ({
  code: '516538',
  grant_type: 'mfa_oob',
  mfa_token: exampleMfaToken,
  response_type: responseType,
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  state: '5e982a097260d146803b5da13b1a19c2',
})

/** A passkey is proven by `credential`, any other method by `code`. */
const proofRules = proofGrantTypes.map((grantType) =>
  mandatoryIf('grant_type', { const: grantType }, [grantType === 'mfa_webauthn' ? 'credential' : 'code']),
)

/** A2. */
export const PasswordRestoreVerification = {
  operationId: 'verifyRestore',
  summary: 'Exchange the confirmation code for a token',
  description:
    'By response_type: a sign token (the success token of POST /api/v2/my/password/restore), an access token (for POST /oauth/v2/passwordRestoreReset), or an authorization code (for POST /oauth/v2/token). Takes the second proof too, with the mfa_token of the answer that required it.',
  tags: ['Restore'],
  ...clientAuthentication,
  ...refuses('access_denied', 'invalid_client', 'invalid_grant', 'invalid_scope', 'unsupported_response_type'),
  body: Type.Object(
    {
      client_id: Type.Optional(ClientId),
      client_secret: Type.Optional(ClientSecret),
      client_timezone: Ignored('Offset to GMT in hours.'),
      code: Type.Optional(ProofCode),
      credential: Type.Optional(PasskeyAssertion),
      grant_type: OneOf(proofGrantTypes, {
        description:
          'mfa_oob: the code of a message. For a second proof also mfa_otp (RFC 6238), mfa_recovery_code, and mfa_webauthn with credential.',
      }),
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
    },
    {
      examples: (['sign_token', 'access_token'] as const).map(verificationExample),
      allOf: [pkceRule, ...proofRules],
    },
  ),
  response: { 200: Type.Union([TokenAnswer, SignTokenAnswer, AuthorizationCodeAnswer]), ...oauthErrors },
}
export type PasswordRestoreVerificationBody = Static<typeof PasswordRestoreVerification.body>

/** A3. */
export const PasswordRestoreReset = {
  operationId: 'resetPassword',
  summary: 'Reset the password with the access token of a restore',
  description:
    'Sets the password of the request, or sends a temporary one if the request has none. mfa_required: nothing has changed, and the customer must give a second proof first.',
  tags: ['Restore'],
  ...bearer(scopes.restore),
  ...refuses('invalid_client', 'invalid_grant', 'invalid_scope', 'second_proof_required', 'unsupported_response_type'),
  body: Type.Object(
    {
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
    },
    {
      examples: [
        { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', password: 'Qwerty123' },
      ],
    },
  ),
  response: { 200: Type.Object({}, { description: 'The password is reset.' }), ...oauthErrors },
}
export type PasswordRestoreResetBody = Static<typeof PasswordRestoreReset.body>
