import type { KeyObject } from 'node:crypto'
import { audiences, RekeyError, signingAlgorithms } from '@rekey/contracts'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { CryptoKey } from 'jose'
import { decodeJwt } from 'jose/jwt/decode'
import type { Now } from './clock.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { KeyName } from './issuer-keys.ts'
import type { TokenClaims } from './token-claims.ts'
import { createTokenVerifier } from './token-verifier.ts'

export type { TokenClaims }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True: no bearer token is required. */
    public?: boolean
    /** The bearer token must have one of these scopes. */
    scopes?: readonly string[]
  }
  interface FastifyRequest {
    /** Claims of the verified bearer token. Not set on public routes. */
    bearer: TokenClaims
  }
}

interface Options {
  issuer: string
  /** The gateway's public key of this name. @throws RekeyError unavailable if the keys cannot be fetched */
  publicKey(name: KeyName): Promise<CryptoKey | KeyObject | undefined>
  /** An issuer whose access tokens are accepted besides the gateway's. */
  identityProvider?: IdentityProvider | undefined
  /**
   * True if the session of a valid bearer token has ended (ASVS 7.4.1). Called on every route that is not public.
   * @throws RekeyError unavailable if the store does not answer: the request is refused
   */
  isEnded?: (claims: TokenClaims) => Promise<boolean>
  now: Now
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Claims of a valid token of the gateway for this audience; undefined for any other token.
     * @throws RekeyError unavailable
     */
    verifyToken(audience: string, token: string | undefined): Promise<TokenClaims | undefined>
    /**
     * Claims of a valid bearer token of the gateway or the identity provider; undefined for any other token.
     * @throws RekeyError unavailable
     */
    readBearer(token: string | undefined): Promise<TokenClaims | undefined>
  }
}

/** Scheme, in lower case, and credentials of an Authorization header: one space or more separates them (RFC 9110 §11.4). */
export const parseAuthorization = (header: string | undefined): { scheme: string; credentials: string } => {
  const [, scheme = '', credentials = ''] = /^(\S+)(?: +(.*))?$/.exec(header ?? '') ?? []
  return { scheme: scheme.toLowerCase(), credentials }
}

/** The token of an Authorization header (RFC 6750 §2.1); undefined for other schemes and malformed headers. */
export const bearerOf = (header: string | undefined): string | undefined => {
  const { scheme, credentials } = parseAuthorization(header)
  return scheme === 'bearer' && /^\S+$/.test(credentials) ? credentials : undefined
}

const requiredClaims = ['iss', 'aud', 'sub', 'jti', 'exp', 'iat', 'client_id', 'scope']

/** The `iss` of a token that is not verified yet. */
const issuerOf = (token: string): string | undefined => {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** Requires a bearer token on every route that is not `public`. */
export const auth = fp<Options>(async (app, { issuer, publicKey, identityProvider, isEnded, now }) => {
  const verify = createTokenVerifier({
    issuer,
    algorithms: [...signingAlgorithms],
    types: ['at+jwt'],
    requiredClaims,
    key: publicKey,
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
  const authorize = async (request: FastifyRequest) => {
    const { scopes } = request.routeOptions.config
    const claims = await app.readBearer(bearerOf(request.headers.authorization))
    if (!claims || (await isEnded?.(claims))) throw new RekeyError('invalid_token')
    const granted = claims.scope.split(' ')
    if (scopes && !scopes.some((scope) => granted.includes(scope))) throw new RekeyError('insufficient_scope')
    request.bearer = claims
  }
  app.addHook('onRequest', (request, _reply, done) => {
    // Unknown paths and methods are answered 404 or 405. CORS has already answered its OPTIONS requests.
    if (request.routeOptions.config.public || request.is404 || request.method === 'OPTIONS') return done()
    return authorize(request)
  })
})
