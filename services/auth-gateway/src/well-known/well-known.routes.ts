import { AuthorizationServerMetadata, ChangePasswordPage, Jwks, responseTypes, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { SigningKeys } from '../tokens/signing-keys.ts'

interface Deps {
  issuer: string
  /** Page where a person sets a new password. None: password managers are told by a 404. */
  changePasswordUrl: string | undefined
  keys: SigningKeys
}

const cacheable = 'public, max-age=300'

export const wellKnownRoutes = (app: Server, { issuer, changePasswordUrl, keys }: Deps): void => {
  app.get('/.well-known/jwks.json', { schema: Jwks, config: { public: true } }, async (_request, reply) =>
    reply.header('cache-control', cacheable).send(keys.jwks()),
  )

  app.get(
    '/.well-known/oauth-authorization-server',
    { schema: AuthorizationServerMetadata, config: { public: true } },
    async (_request, reply) =>
      reply.header('cache-control', cacheable).send({
        issuer,
        authorization_endpoint: `${issuer}/oauth/v2/passwordRestore`,
        token_endpoint: `${issuer}/oauth/v2/token`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        revocation_endpoint: `${issuer}/oauth/v2/revoke`,
        introspection_endpoint: `${issuer}/oauth/v2/introspect`,
        scopes_supported: Object.values(scopes),
        response_types_supported: [...responseTypes],
        grant_types_supported: ['mfa_oob', 'authorization_code', 'code', 'refresh_token', 'client_credentials'],
        token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
        revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
        introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
        code_challenge_methods_supported: ['S256'],
      }),
  )

  if (changePasswordUrl === undefined) return
  // Password managers follow it to the page, and first see that an address where nothing is answers 404.
  app.get(
    '/.well-known/change-password',
    { schema: ChangePasswordPage, config: { public: true } },
    (_request, reply) => {
      reply.redirect(changePasswordUrl, 302)
    },
  )
}
