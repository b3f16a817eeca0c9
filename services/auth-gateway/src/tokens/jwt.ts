import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { Server } from '@rekey/platform/server'
import type { SigningKeys } from './signing-keys.ts'

interface Options {
  issuer: string
  keys: SigningKeys
  mfaTokenKey: Buffer
}

/** The two kinds of tokens that the gateway makes, each with keys of its own: HS256 is for `mfa_token` alone (RFC 8725 §3.1). */
export interface Jwts {
  mfa: JWT
  access: Pick<SigningKeys, 'sign'>
}

export const registerJwt = async (app: Server, { issuer, keys, mfaTokenKey }: Options): Promise<Jwts> => {
  await app.register(fastifyJwt, {
    namespace: 'mfa',
    secret: mfaTokenKey,
    sign: { algorithm: 'HS256' },
    verify: {
      algorithms: ['HS256'],
      allowedIss: issuer,
      checkTyp: 'JWT',
      requiredClaims: ['iss', 'sub', 'exp', 'jti', 'client_id'],
    },
  })
  const { mfa } = app.jwt as unknown as { mfa: JWT }
  return { mfa, access: keys }
}
