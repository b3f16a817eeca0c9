import { AuthorizationServerMetadata, ChangePasswordPage, Jwks, responseTypes, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Tokens } from '../tokens/tokens.ts'

interface Deps {
  issuer: string
  /** Page where a customer sets a new password. Undefined: the path answers 404, which password managers understand. */
  changePasswordUrl: string | undefined
  jwks: Tokens['jwks']
}

const cacheable = 'public, max-age=300'
const config = { public: true, crossSite: 'read' as const }

export const wellKnownRoutes = (app: Server, { issuer, changePasswordUrl, jwks }: Deps): void => {
  app.get('/.well-known/jwks.json', { schema: Jwks, config }, async (_request, reply) =>
    reply.header('cache-control', cacheable).send(jwks()),
  )

  app.get(
    '/.well-known/oauth-authorization-server',
    { schema: AuthorizationServerMetadata, config },
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
  // A password manager follows the redirect only if another, missing path answers 404.
  app.get('/.well-known/change-password', { schema: ChangePasswordPage, config }, (_request, reply) => {
    reply.redirect(changePasswordUrl, 302)
  })
}
