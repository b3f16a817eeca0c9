import { randomBytes, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Configuration, errors, type JWK } from 'oidc-provider'
import { textPage } from './sign-in-page.ts'

/** What a test may change while the provider runs. */
export interface ProviderSettings {
  accessTokenSeconds: number
  /** Scope that members of staff are given. */
  scope: string
  /** Names of members who left: they can neither sign in nor refresh. */
  disabled: Set<string>
}

const newKey = async (): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'ES256', use: 'sig' } as JWK
}

/** The provider's only client, and the audience of its access tokens. */
export interface DemoClient {
  clientId: string
  redirectUri: string
  audience: string
}

interface Options extends DemoClient {
  issuer: string
  settings: ProviderSettings
}

const configure = (key: JWK, { clientId, redirectUri, audience, settings }: Options): Configuration => ({
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  clients: [
    {
      client_id: clientId,
      token_endpoint_auth_method: 'none',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['name'] },
  // The console reads the name from the ID token and calls no userinfo endpoint.
  conformIdTokenClaims: false,
  findAccount: (_context, accountId) =>
    settings.disabled.has(accountId) ? undefined : { accountId, claims: () => ({ sub: accountId, name: accountId }) },
  interactions: { url: (_context, { uid }) => `/sign-in/${uid}` },
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => {
        if (resource !== audience) throw new errors.InvalidTarget()
        return {
          scope: settings.scope,
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: settings.accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        }
      },
    },
  },
  ttl: { Session: 12 * 3_600, Grant: 12 * 3_600, RefreshToken: 12 * 3_600, Interaction: 600, IdToken: 600 },
  // Skips the consent: the console and the provider belong to one platform.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session?.accountId ?? '' })
    grant.addOIDCScope('openid profile')
    grant.addResourceScope(audience, settings.scope)
    await grant.save()
    return grant
  },
  async renderError(context, { error, error_description: description }) {
    context.type = 'html'
    context.body = textPage('That did not work', `${error}: ${description ?? ''}`)
  },
})

/** An OpenID Provider in memory, with the console as its only client. Its keys are new at each start. */
export const createProvider = async (options: Options) =>
  new Provider(options.issuer, configure(await newKey(), options))
