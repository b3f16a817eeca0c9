import type { TokenAnswer } from './contract.ts'
import { RekeyError, type RekeyErrorCode } from './error.ts'
import type { CallOptions, Send } from './http.ts'
import { type OAuthClient, type RestoreGrant, randomState, restoreScope } from './restore.ts'

/** An authorization request. Plain data: keep it, where no other site can read it, until the customer comes back. */
export interface BegunAuthorization {
  /** Rekey's pages: send the browser there. */
  url: string
  state: string
  /** Secret: the code of the callback is worth nothing without it (RFC 7636 §4.1). */
  codeVerifier: string
}

/** A7: the customer proves a restore on Rekey's own pages, and your page sets the password. */
export interface AuthorizationFlow {
  /**
   * Makes the URL of Rekey's pages with PKCE (RFC 7636, S256). For a public client. Sends nothing. In a browser it needs a
   * page of https or localhost.
   * @param request `state`: returned by the callback; default: a random one
   */
  beginAuthorization(request?: { state?: string }): Promise<BegunAuthorization>
  /**
   * Checks the URL by which the customer came back, and redeems its code for a grant. Call it once: a code that is
   * redeemed twice revokes the grant.
   * @throws RekeyError `callback_refused`: `state` or `iss` is not of this request (RFC 6749 §10.12, RFC 9207 §2.4).
   * `access_denied`, …: the error in the callback. `invalid_grant`: the code is older than a minute, or was redeemed
   */
  finishAuthorization(
    begun: Pick<BegunAuthorization, 'state' | 'codeVerifier'>,
    callbackUrl: string | URL,
    options?: CallOptions,
  ): Promise<RestoreGrant>
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const challengeOf = async (verifier: string): Promise<string> =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))

interface Issuer {
  baseUrl: string
  issuer?: string
}

export const createAuthorizationFlow = (
  send: Send,
  { clientId, redirectUri, baseUrl, issuer }: OAuthClient & Issuer,
): AuthorizationFlow => {
  const base = baseUrl.replace(/\/+$/, '')
  const client = () => {
    if (clientId === undefined || redirectUri === undefined) {
      throw new TypeError('createClient needs clientId and redirectUri for an authorization')
    }
    return { client_id: clientId, redirect_uri: redirectUri }
  }
  return {
    async beginAuthorization({ state = randomState() } = {}) {
      const codeVerifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
      const query = new URLSearchParams({
        response_type: 'code',
        ...client(),
        scope: restoreScope,
        state,
        code_challenge: await challengeOf(codeVerifier),
        code_challenge_method: 'S256',
      })
      return { url: `${base}/oauth/v2/authorize?${query}`, state, codeVerifier }
    },

    async finishAuthorization({ state, codeVerifier }, callbackUrl, options) {
      const answer = new URL(callbackUrl).searchParams
      // Also for an error: another server's must not be taken for this one's.
      for (const [name, expected] of Object.entries({ state, iss: issuer ?? base })) {
        const [given, ...more] = answer.getAll(name)
        if (given === expected && more.length === 0) continue
        throw new RekeyError('callback_refused', { description: `${name} is not that of the request` })
      }
      const error = answer.get('error')
      if (error) {
        throw new RekeyError(error as RekeyErrorCode, { description: answer.get('error_description') ?? '' })
      }
      const body = {
        grant_type: 'authorization_code',
        code: answer.get('code') ?? '',
        code_verifier: codeVerifier,
        ...client(),
      }
      const { access_token, expires_in } = await send<TokenAnswer>('POST /oauth/v2/token', { body }, options)
      return { successToken: access_token, expiresAt: new Date(Date.now() + expires_in * 1_000).toISOString() }
    },
  }
}
