import { type Static, Type } from '@sinclair/typebox'
import { ClientId, CompactToken, RedirectUri, Scope, State } from '../fields.ts'
import { oauthErrors } from './problem.ts'
import { TokenAnswer } from './restore.ts'

/** A5. Nothing is mandatory in the vendor's document: which fields a grant type needs is checked by that grant. */
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
    mfa_token: Type.Optional(CompactToken),
    redirect_uri: Type.Optional(RedirectUri),
    scope: Type.Optional(Scope),
    state: Type.Optional(State),
  }),
  response: { 200: TokenAnswer, ...oauthErrors },
}
export type TokenBody = Static<typeof Token.body>
