import { RekeyError, unavailable } from '@rekey/contracts'
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  None,
  ResponseBodyError,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client'
import type { ConsoleSettings } from './settings.ts'

/** Seconds within which the person must have signed in at the provider, counted back from the end of the sign-in. */
const freshSeconds = 300
const timeoutSeconds = 3

/** What binds a sign-in to the browser that began it (RFC 9700 §2.1): `state`, `nonce` and the PKCE verifier. */
export interface SignInSecrets {
  state: string
  nonce: string
  verifier: string
}

/** Tokens of the identity provider. */
export interface ProviderTokens {
  accessToken: string
  refreshToken: string | undefined
  /** The person's name in the ID token, if it has one. */
  name: string | undefined
}

/** The provider refused: the person cancelled, the code or the refresh token is not valid, or an answer fails a check. */
export class SignInRefused extends Error {}

const isOutage = (error: unknown): boolean => {
  if (error instanceof AuthorizationResponseError) return /^(server_error|temporarily_unavailable)$/.test(error.error)
  if (error instanceof ResponseBodyError) return error.status >= 500 || error.status === 429
  const { code } = error as { code?: string }
  return code === undefined || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT'
}

/** @throws SignInRefused, or RekeyError unavailable if the provider does not answer */
const ask = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (error instanceof RekeyError) throw error
    if (isOutage(error)) throw unavailable(error)
    throw new SignInRefused((error as Error).message, { cause: error })
  }
}

/**
 * The console as a client of the platform's identity provider: authorization code with PKCE S256, `state`, `nonce` and
 * `iss` (RFC 9700 §2.1, RFC 9207, OpenID Connect Core §3.1), ID tokens with a verified signature. The provider's metadata
 * is fetched at the first sign-in, so that the gateway starts without the provider.
 */
export const createIdentityProviderClient = (
  { issuer, clientId, clientSecret, scope, audience }: ConsoleSettings,
  redirectUri: string,
) => {
  let found: Promise<Configuration> | undefined

  const discover = () =>
    discovery(new URL(issuer), clientId, {}, clientSecret === undefined ? None() : ClientSecretBasic(clientSecret), {
      timeout: timeoutSeconds,
      execute: [enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [allowInsecureRequests] : [])],
    })

  const configuration = (): Promise<Configuration> => {
    found ??= discover().catch((error) => {
      found = undefined
      // Whatever its metadata has: no sign-in is possible, and the next one asks again.
      throw unavailable(error)
    })
    return found
  }

  return {
    /** The URL at which the person signs in: again, even with a session at the provider (PCI DSS 8.2.8). @throws RekeyError unavailable */
    async authorizationUrl({ state, nonce, verifier }: SignInSecrets): Promise<string> {
      const url = buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        response_type: 'code',
        scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        prompt: 'login',
        max_age: String(freshSeconds),
        ...audience,
      })
      return url.href
    },

    /** Exchanges the code of an authorization response. @throws SignInRefused, RekeyError unavailable */
    async redeem(query: string, { state, nonce, verifier }: SignInSecrets): Promise<ProviderTokens> {
      const provider = await configuration()
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        maxAge: freshSeconds,
        idTokenExpected: true,
      }
      const tokens = await ask(authorizationCodeGrant(provider, new URL(redirectUri + query), checks, audience))
      const name = tokens.claims()?.name
      return {
        accessToken: tokens.access_token,
        refreshToken: tokens.refresh_token,
        name: typeof name === 'string' ? name : undefined,
      }
    },

    /** @throws SignInRefused, RekeyError unavailable */
    async refresh(refreshToken: string): Promise<Omit<ProviderTokens, 'name'>> {
      const tokens = await ask(refreshTokenGrant(await configuration(), refreshToken, audience))
      // Without rotation the token stays valid (RFC 6749 §6).
      return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token ?? refreshToken }
    },

    /** Revokes a refresh token, if the provider can (RFC 7009). A failure is ignored: the console's session has ended. */
    async revoke(refreshToken: string): Promise<void> {
      try {
        const provider = await configuration()
        if (provider.serverMetadata().revocation_endpoint) await tokenRevocation(provider, refreshToken)
      } catch {
        // The token ends with its own life.
      }
    },
  }
}

export type IdentityProviderClient = ReturnType<typeof createIdentityProviderClient>
