import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { Server } from '@rekey/platform/server'
import type { SigningKeys } from './signing-keys.ts'

interface Options {
  issuer: string
  keys: SigningKeys
  mfaTokenKey: Buffer
}

/** The two kinds of tokens that the gateway makes, each with its own key: HS256 is for `mfa_token` alone (RFC 8725 §3.1). */
export const registerJwt = async (
  app: Server,
  { issuer, keys, mfaTokenKey }: Options,
): Promise<{ mfa: JWT; access: JWT }> => {
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
  const { kid, privatePem, publicPem } = keys.current
  await app.register(fastifyJwt, {
    namespace: 'access',
    secret: { private: privatePem, public: publicPem },
    sign: { algorithm: 'EdDSA', kid, header: { typ: 'at+jwt' } as never },
  })
  return app.jwt as unknown as { mfa: JWT; access: JWT }
}
