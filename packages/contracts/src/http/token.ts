import { type Static, Type } from '@sinclair/typebox'
import { ClaimedIp, ClientId, CompactToken, Ignored, RedirectUri, Scope, State } from '../fields.ts'
import { oauthErrors } from './problem.ts'
import { TokenAnswer } from './restore.ts'

/** A5. The vendor's document makes no field mandatory: each grant type checks the fields that it needs. */
export const Token = {
  summary: 'Exchange a grant for an access token (RFC 6749 §3.2)',
  tags: ['Tokens'],
  body: Type.Object({
    grant_type: Type.Optional(Type.String({ maxLength: 128 })),
    client_id: Type.Optional(ClientId),
    client_secret: Type.Optional(Type.String({ maxLength: 512 })),
    code: Type.Optional(
      Type.Unsafe<string | number>({ type: ['string', 'integer'], minLength: 1, maxLength: 128, minimum: 0 }),
    ),
    code_verifier: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' })),
    ip: Type.Optional(ClaimedIp),
    mfa_token: Type.Optional(CompactToken),
    refresh_token: Type.Optional(CompactToken),
    redirect_uri: Type.Optional(RedirectUri),
    response_type: Ignored('What the answer contains: an access token.'),
    scope: Type.Optional(Scope),
    state: Type.Optional(State),
  }),
  response: { 200: TokenAnswer, ...oauthErrors },
}
export type TokenBody = Static<typeof Token.body>

/** Client authentication in the body; HTTP Basic is the other way (RFC 6749 §2.3.1). */
const clientCredentials = {
  client_id: Type.Optional(ClientId),
  client_secret: Type.Optional(Type.String({ maxLength: 512 })),
}

const presentedToken = {
  // Any form of token (RFC 6749 Appendix A.12): an unknown token is not an error (RFC 7009 §2.2).
  token: Type.String({ pattern: '^[\\x20-\\x7E]+$', maxLength: 4096 }),
  token_type_hint: Type.Optional(Type.String({ maxLength: 64 })),
}

/** A6 (RFC 7009). */
export const Revoke = {
  summary: 'End the session of an access or refresh token (RFC 7009)',
  tags: ['Tokens'],
  body: Type.Object({ ...presentedToken, ...clientCredentials }),
  response: {
    200: Type.Object({}, { description: 'The token is revoked, or was not valid.' }),
    ...oauthErrors,
  },
}
export type RevokeBody = Static<typeof Revoke.body>

/** A6 (RFC 7662), for confidential clients. */
export const Introspect = {
  summary: 'State and claims of a token (RFC 7662)',
  tags: ['Tokens'],
  body: Type.Object({ ...presentedToken, ...clientCredentials }),
  response: {
    200: Type.Object({
      active: Type.Boolean(),
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
