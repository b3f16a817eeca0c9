import { type Static, Type } from '@sinclair/typebox'
import {
  ClaimedIp,
  ClientId,
  ClientSecret,
  CompactToken,
  GrantType,
  type grantTypes,
  Ignored,
  RedirectUri,
  Scope,
  State,
} from '../fields.ts'
import { PasskeyAssertion } from '../passkeys.ts'
import { mandatoryIf } from './endpoint.ts'
import { clientAuthentication, oauthErrors, refuses } from './problem.ts'
import { exampleMfaToken, TokenAnswer } from './restore.ts'

/** The first is the bank's, to the letter. */
const tokenExamples = [
  {
    client_id: 'backend_fin',
    client_secret: 'secretkey',
    grant_type: 'client_credentials',
    response_type: 'access_token',
    scope: 'REST:FULL',
    state: '',
  },
  {
    grant_type: 'mfa_oob',
    mfa_token: exampleMfaToken,
    code: '516538',
    client_id: 'ib_localhost',
    state: '5e982a097260d146803b5da13b1a19c2',
  },
  {
    grant_type: 'authorization_code',
    code: 'SplxlOBeZQQYbYS6WxSbIA',
    redirect_uri: 'http://localhost',
    client_id: 'ib_localhost',
    code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  },
  { grant_type: 'refresh_token', refresh_token: 'tGzv3JOkF0XG5Qx2TlKWIA', client_id: 'ib_localhost' },
]

/** The fields that a grant type needs. A client may authenticate by Basic, so that `client_id` is none of them. */
const neededBy: [grantType: (typeof grantTypes)[number], ...fields: string[]][] = [
  ['mfa_oob', 'mfa_token', 'code'],
  ['mfa_otp', 'mfa_token', 'code'],
  ['mfa_recovery_code', 'mfa_token', 'code'],
  ['mfa_webauthn', 'mfa_token', 'credential'],
  ['authorization_code', 'code', 'redirect_uri'],
  ['code', 'code', 'redirect_uri'],
  ['refresh_token', 'refresh_token'],
]

const needs = ([grantType, ...fields]: (typeof neededBy)[number]) =>
  mandatoryIf('grant_type', { const: grantType }, fields)

/** A5. */
export const Token = {
  operationId: 'token',
  summary: 'Exchange a grant for an access token (RFC 6749 §3.2)',
  description:
    'Public clients redeem a code with PKCE (RFC 7636). A refresh token works once; the answer has the next one.',
  tags: ['Tokens'],
  ...clientAuthentication,
  ...refuses(
    'access_denied',
    'invalid_client',
    'invalid_grant',
    'invalid_scope',
    'unauthorized_client',
    'unsupported_grant_type',
  ),
  body: Type.Object(
    {
      grant_type: GrantType,
      client_id: Type.Optional(ClientId),
      client_secret: Type.Optional(ClientSecret),
      code: Type.Optional(
        Type.Unsafe<string | number>({ type: ['string', 'integer'], minLength: 1, maxLength: 128, minimum: 0 }),
      ),
      code_verifier: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9._~-]{43,128}$',
          description: 'RFC 7636 §4.1.',
          examples: ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
        }),
      ),
      credential: Type.Optional({
        ...PasskeyAssertion,
        description: 'With mfa_webauthn, in a body of JSON: AuthenticationResponseJSON (WebAuthn L3 §5.1).',
      }),
      ip: Type.Optional(ClaimedIp),
      mfa_token: Type.Optional(CompactToken),
      refresh_token: Type.Optional(CompactToken),
      redirect_uri: Type.Optional(RedirectUri),
      response_type: Ignored('Kind of token that the answer has: always an access token.'),
      scope: Type.Optional(Scope),
      state: Type.Optional(Type.String({ ...State, pattern: '^[\\x20-\\x7E]{0,512}$' })),
    },
    { examples: tokenExamples, allOf: neededBy.map(needs) },
  ),
  response: { 200: TokenAnswer, ...oauthErrors },
}
export type TokenBody = Static<typeof Token.body>

/** Client authentication in the body; HTTP Basic is the other way (RFC 6749 §2.3.1). */
const clientCredentials = {
  client_id: Type.Optional(ClientId),
  client_secret: Type.Optional(ClientSecret),
}

const presentedToken = {
  // Any form of token (RFC 6749 Appendix A.12): an unknown token is not an error (RFC 7009 §2.2).
  token: Type.String({ pattern: '^[\\x20-\\x7E]+$', maxLength: 4096, examples: ['tGzv3JOkF0XG5Qx2TlKWIA'] }),
  token_type_hint: Type.Optional(Type.String({ maxLength: 64, examples: ['refresh_token'] })),
}

/** A6 (RFC 7009). */
export const Revoke = {
  operationId: 'revoke',
  summary: 'End the session of an access or refresh token (RFC 7009)',
  tags: ['Tokens'],
  ...clientAuthentication,
  ...refuses('invalid_client', 'unauthorized_client'),
  body: Type.Object(
    { ...presentedToken, ...clientCredentials },
    { examples: [{ token: 'tGzv3JOkF0XG5Qx2TlKWIA', token_type_hint: 'refresh_token', client_id: 'ib_localhost' }] },
  ),
  response: {
    200: Type.Object({}, { description: 'The token is revoked, or was not valid.' }),
    ...oauthErrors,
  },
}
export type RevokeBody = Static<typeof Revoke.body>

/** A6 (RFC 7662), for confidential clients. */
export const Introspect = {
  operationId: 'introspect',
  summary: 'State and claims of a token (RFC 7662)',
  tags: ['Tokens'],
  ...clientAuthentication,
  ...refuses('invalid_client'),
  body: Type.Object(
    { ...presentedToken, ...clientCredentials },
    { examples: [{ token: exampleMfaToken, client_id: 'backend_fin', client_secret: 'secretkey' }] },
  ),
  response: {
    200: Type.Object({
      active: Type.Boolean({ description: 'False, and alone, for a token that is not valid or not for this client.' }),
      scope: Type.Optional(Type.String()),
      client_id: Type.Optional(Type.String()),
      token_type: Type.Optional(Type.String()),
      exp: Type.Optional(Type.Integer()),
      iat: Type.Optional(Type.Integer()),
      sub: Type.Optional(Type.String()),
      aud: Type.Optional(Type.Array(Type.String())),
      iss: Type.Optional(Type.String()),
      jti: Type.Optional(Type.String()),
      sid: Type.Optional(Type.String({ description: 'Session id.' })),
    }),
    ...oauthErrors,
  },
}
export type IntrospectBody = Static<typeof Introspect.body>
export type IntrospectAnswer = Static<(typeof Introspect.response)[200]>
