import { Type } from '@sinclair/typebox'
import { problems } from './problem.ts'

/** Algorithms that sign the gateway's tokens. RFC 9068 §2.1 requires RS256; clients use EdDSA unless they need it. */
export const signingAlgorithms = ['EdDSA', 'RS256'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

export const NotModified = Type.Null({
  description: 'Not modified: the ETag in If-None-Match is that of the document.',
})

const published = { kid: Type.String(), use: Type.Literal('sig') }

const Ed25519Key = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String(),
  alg: Type.Literal('EdDSA'),
  ...published,
})

const RsaKey = Type.Object({
  kty: Type.Literal('RSA'),
  n: Type.String(),
  e: Type.String(),
  alg: Type.Literal('RS256'),
  ...published,
})

/** RFC 7517 §5: public halves only. */
export const Jwks = {
  operationId: 'jwks',
  summary: 'Keys that verify access and sign tokens',
  tags: ['Discovery'],
  unlimited: true as const,
  response: {
    200: Type.Object({ keys: Type.Array(Type.Union([Ed25519Key, RsaKey])) }),
    304: NotModified,
    ...problems,
  },
}

/** RFC 8414 §2. */
export const AuthorizationServerMetadata = {
  operationId: 'authorizationServerMetadata',
  summary: 'Authorization server metadata (RFC 8414)',
  tags: ['Discovery'],
  unlimited: true as const,
  response: {
    200: Type.Object({
      issuer: Type.String(),
      authorization_endpoint: Type.Optional(
        Type.String({
          description: 'For the proof of a restore. Absent if no client of hosted restores is configured.',
        }),
      ),
      token_endpoint: Type.String(),
      jwks_uri: Type.String(),
      revocation_endpoint: Type.String(),
      introspection_endpoint: Type.String(),
      scopes_supported: Type.Array(Type.String()),
      response_types_supported: Type.Array(Type.String()),
      response_modes_supported: Type.Array(Type.String()),
      grant_types_supported: Type.Array(Type.String()),
      token_endpoint_auth_methods_supported: Type.Array(Type.String()),
      revocation_endpoint_auth_methods_supported: Type.Array(Type.String()),
      introspection_endpoint_auth_methods_supported: Type.Array(Type.String()),
      code_challenge_methods_supported: Type.Array(Type.String()),
      authorization_response_iss_parameter_supported: Type.Boolean({ description: 'RFC 9207.' }),
    }),
    304: NotModified,
    ...problems,
  },
}

/** A6: the path that password managers open (W3C, A Well-Known URL for Changing Passwords). */
export const PasskeyEndpoints = {
  operationId: 'passkeyEndpoints',
  summary: 'Pages where customers add and manage passkeys, for password managers (W3C)',
  description: 'An empty object if there are no account pages: passkeys are enrolled by C4 alone.',
  tags: ['Discovery'],
  unlimited: true as const,
  response: {
    200: Type.Object({
      enroll: Type.Optional(Type.String({ examples: ['http://localhost:8080/account/security'] })),
      manage: Type.Optional(Type.String({ examples: ['http://localhost:8080/account/security'] })),
    }),
    304: NotModified,
    ...problems,
  },
}

export const RelatedOrigins = {
  operationId: 'relatedOrigins',
  summary: 'Origins whose pages may ask for passkeys of this relying party (WebAuthn L3 §5.11)',
  description: 'Browsers request it from the host REKEY_RP_ID: if that is not this host, serve the same there.',
  tags: ['Discovery'],
  unlimited: true as const,
  response: {
    200: Type.Object({ origins: Type.Array(Type.String({ examples: ['https://bank.example'] })) }),
    304: NotModified,
    ...problems,
  },
}

export const ChangePasswordPage = {
  operationId: 'changePasswordPage',
  summary: 'Redirect to the page that changes the password, after a sign-in',
  tags: ['Discovery'],
  unlimited: true as const,
  response: { 302: Type.Null({ description: 'To the page.' }), ...problems },
}
