import type { KeyObject } from 'node:crypto'
import { audiences, RekeyError } from '@rekey/contracts'
import fp from 'fastify-plugin'
import { type CryptoKey, decodeJwt } from 'jose'
import type { Now } from './clock.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { TokenClaims } from './token-claims.ts'
import { createTokenVerifier } from './token-verifier.ts'

export type { TokenClaims }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to anyone. Every other route asks for a bearer token. */
    public?: boolean
    /** A bearer token needs one of these. */
    scopes?: readonly string[]
  }
  interface FastifyRequest {
    /** Claims of the verified bearer token. Only on routes that are not public. */
    bearer: TokenClaims
  }
}

interface Options {
  issuer: string
  /** Our own public key that a key id names. @throws RekeyError unavailable where the keys cannot be had now. */
  publicKey(kid: string): Promise<CryptoKey | KeyObject | undefined>
  /** Whose access tokens open routes beside ours. */
  identityProvider?: IdentityProvider | undefined
  /**
   * Whether the session of a sound bearer token is over (ASVS 7.4.1). Asked on every route that is not public.
   * @throws RekeyError unavailable where that cannot be known now: nobody is let through on a guess.
   */
  isEnded?: (claims: TokenClaims) => Promise<boolean>
  now: Now
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Claims of a token of ours that is sound and meant for the audience; undefined for any other.
     * @throws RekeyError unavailable
     */
    verifyToken(audience: string, token: string | undefined): Promise<TokenClaims | undefined>
    /**
     * Claims of a sound bearer token, whoever of those we trust signed it; undefined for any other.
     * @throws RekeyError unavailable
     */
    readBearer(token: string | undefined): Promise<TokenClaims | undefined>
  }
}

/** The token of an Authorization header (RFC 6750 §2.1); undefined for any other header. */
export const bearerOf = (header: string | undefined): string | undefined => {
  const [scheme, token, ...rest] = (header ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && rest.length === 0 ? token : undefined
}

const requiredClaims = ['iss', 'aud', 'sub', 'jti', 'exp', 'iat', 'client_id', 'scope']

/** Who a token says that it is from. Not verified. */
const issuerOf = (token: string): string | undefined => {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** Every route asks for a bearer token but for those that say `public`. */
export const auth = fp<Options>(async (app, { issuer, publicKey, identityProvider, isEnded, now }) => {
  const verify = createTokenVerifier({
    issuer,
    algorithms: ['EdDSA'],
    types: ['at+jwt'],
    requiredClaims,
    key: ({ kid }) => publicKey(kid),
    now,
  })
  app.decorate('verifyToken', async (audience: string, token: string | undefined) =>
    token ? ((await verify(token, audience)) as TokenClaims | undefined) : undefined,
  )

  app.decorate('readBearer', (token: string | undefined) =>
    token && identityProvider && issuerOf(token) === identityProvider.issuer
      ? identityProvider.read(token)
      : app.verifyToken(audiences.api, token),
  )

  app.decorateRequest('bearer', null as never)
  app.addHook('onRequest', async (request) => {
    const { public: open, scopes } = request.routeOptions.config
    // What no route serves is refused by 404 or 405, OPTIONS among it: CORS has answered before where it may.
    if (open || request.is404 || request.method === 'OPTIONS') return
    const claims = await app.readBearer(bearerOf(request.headers.authorization))
    if (!claims || (await isEnded?.(claims))) throw new RekeyError('invalid_token')
    const held = claims.scope.split(' ')
    if (scopes && !scopes.some((scope) => held.includes(scope))) throw new RekeyError('insufficient_scope')
    request.bearer = claims
  })
})
