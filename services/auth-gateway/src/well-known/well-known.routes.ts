import {
  AuthorizationServerMetadata,
  ChangePasswordPage,
  grantTypes,
  Jwks,
  PasskeyEndpoints,
  RelatedOrigins,
  scopes,
} from '@rekey/contracts'
import type { RelyingParty } from '@rekey/platform/relying-party'
import type { Server } from '@rekey/platform/server'
import type { Tokens } from '../tokens/tokens.ts'
import { cachedDocument } from './cached-document.ts'

interface Deps {
  issuer: string
  /** True if there are pages for it. */
  hasAuthorizationEndpoint: boolean
  /** Page where a customer changes the password. Undefined: the path answers 404, which password managers understand. */
  changePasswordUrl: string | undefined
  /** Page where a customer adds and removes passkeys. Undefined: there is none. */
  passkeyPageUrl: string | undefined
  party: RelyingParty
  jwks: Tokens['jwks']
}

/** RFC 8414 §2. A test tries each value. */
const metadataOf = (issuer: string, hasAuthorizationEndpoint: boolean) => ({
  issuer,
  ...(hasAuthorizationEndpoint && { authorization_endpoint: `${issuer}/oauth/v2/authorize` }),
  token_endpoint: `${issuer}/oauth/v2/token`,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  revocation_endpoint: `${issuer}/oauth/v2/revoke`,
  introspection_endpoint: `${issuer}/oauth/v2/introspect`,
  scopes_supported: Object.values(scopes),
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: [...grantTypes],
  token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
  revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
  introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
})

const config = { public: true, crossSite: 'read' as const }

export const wellKnownRoutes = (
  app: Server,
  { issuer, hasAuthorizationEndpoint, changePasswordUrl, passkeyPageUrl, party, jwks }: Deps,
): void => {
  const metadata = metadataOf(issuer, hasAuthorizationEndpoint)
  cachedDocument(app, '/.well-known/jwks.json', Jwks, jwks)
  cachedDocument(app, '/.well-known/oauth-authorization-server', AuthorizationServerMetadata, () => metadata)

  const passkeyEndpoints = passkeyPageUrl === undefined ? {} : { enroll: passkeyPageUrl, manage: passkeyPageUrl }
  cachedDocument(app, '/.well-known/passkey-endpoints', PasskeyEndpoints, () => passkeyEndpoints)
  const relatedOrigins = { origins: party.origins }
  cachedDocument(app, '/.well-known/webauthn', RelatedOrigins, () => relatedOrigins)

  if (changePasswordUrl === undefined) return
  // A password manager follows the redirect only if another, missing path answers 404.
  app.get('/.well-known/change-password', { schema: ChangePasswordPage, config }, (_request, reply) => {
    reply.redirect(changePasswordUrl, 302)
  })
}
