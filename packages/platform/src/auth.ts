import fastifyJwt from '@fastify/jwt'
import { audiences, RekeyError } from '@rekey/contracts'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Now } from './clock.ts'

/** Claims of the tokens that the gateway signs (RFC 9068 §2.2). */
export interface TokenClaims {
  iss: string
  aud: string[]
  /** The customer's code, the back-office client, or (in a restore's grant) the challenge: whose it is, is not known there. */
  sub: string
  jti: string
  /** Seconds since the epoch. */
  exp: number
  iat: number
  client_id: string
  scope: string
  /** The session that the token belongs to; one of its own where nothing continues it. */
  sid: string
  /** The customer's epoch at the sign-in: the token is over once the customer's is higher. Only in customers' tokens. */
  session_epoch?: number
  /** In a grant: what it is good for, and the challenge it came from. */
  purpose?: 'restore' | 'change'
  challenge_id?: string
}

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
  /** PEM of the public key that a key id names. @throws RekeyError unavailable where the keys cannot be had now. */
  publicKey(kid: string): Promise<string | undefined>
  /**
   * Whether the session of a sound bearer token is over (ASVS 7.4.1). Asked on every route that is not public.
   * @throws RekeyError unavailable where that cannot be known now: nobody is let through on a guess.
   */
  isEnded?: (claims: TokenClaims) => Promise<boolean>
  now: Now
}

/** Verifies a compact token from a request: algorithm, type, issuer, audience, expiry, key (RFC 9068 §4, RFC 8725). */
export type TokenVerifier = (
  request: FastifyRequest,
  audience: string,
  token: string | undefined,
) => Promise<TokenClaims | undefined>

declare module 'fastify' {
  interface FastifyInstance {
    /** Claims of a token that is sound and meant for the audience; undefined for any other. */
    verifyToken: TokenVerifier
  }
}

/** The token of an Authorization header (RFC 6750 §2.1); undefined for any other header. */
export const bearerOf = (header: string | undefined): string | undefined => {
  const [scheme, token, ...rest] = (header ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && rest.length === 0 ? token : undefined
}

const requiredClaims = ['iss', 'aud', 'sub', 'jti', 'exp', 'iat', 'client_id', 'scope']

/** Every route asks for a bearer token but for those that say `public`. */
export const auth = fp<Options>(async (app, { issuer, publicKey, isEnded, now }) => {
  // Which key: by `kid` among our own. Headers that bring a key along (jwk, jku, x5u) are not looked at.
  const keyFor = async (_request: FastifyRequest, token: { header?: { kid?: unknown } }) => {
    const kid = token.header?.kid
    const pem = typeof kid === 'string' ? await publicKey(kid) : undefined
    if (!pem) throw new RekeyError('invalid_token')
    return pem
  }
  await app.register(fastifyJwt, {
    namespace: 'signed',
    secret: { public: keyFor as never },
    decode: { complete: true },
    verify: { algorithms: ['EdDSA'], allowedIss: issuer },
  })

  app.decorate('verifyToken', async (request: FastifyRequest, audience: string, token: string | undefined) => {
    if (!token) return undefined
    const verify = (request as unknown as { signedJwtVerify(options: object): Promise<TokenClaims> }).signedJwtVerify
    try {
      return await verify.call(request, {
        decode: { complete: true },
        verify: {
          extractToken: () => token,
          allowedAud: audience,
          checkTyp: 'at+jwt',
          requiredClaims,
          clockTimestamp: now().getTime(),
        },
      })
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'unavailable') throw error
      return undefined
    }
  })

  app.decorateRequest('bearer', null as never)
  app.addHook('onRequest', async (request) => {
    const { public: open, scopes } = request.routeOptions.config
    // What no route serves is refused by 404 or 405, OPTIONS among it: CORS has answered before where it may.
    if (open || request.is404 || request.method === 'OPTIONS') return
    const claims = await app.verifyToken(request, audiences.api, bearerOf(request.headers.authorization))
    if (!claims || (await isEnded?.(claims))) throw new RekeyError('invalid_token')
    const held = claims.scope.split(' ')
    if (scopes && !scopes.some((scope) => held.includes(scope))) throw new RekeyError('insufficient_scope')
    request.bearer = claims
  })
})
