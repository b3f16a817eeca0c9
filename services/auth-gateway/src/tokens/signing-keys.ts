import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigError } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const PrivateKey = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String(),
  d: Type.String(),
  kid: Type.String({ minLength: 1 }),
})
const File = Type.Object({ keys: Type.Array(PrivateKey, { minItems: 1 }) })

export interface SigningKeys {
  /** The key that signs. */
  current: { kid: string; privatePem: string; publicPem: string }
  /** Public key in PEM, of any key that still verifies. */
  publicPem(kid: string): string | undefined
  /** Public halves (RFC 7517 §5). */
  jwks: { keys: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; alg: 'EdDSA'; use: 'sig' }[] }
}

/** Reads the private JWK Set: the first key signs, all verify. @throws ConfigError */
export const loadSigningKeys = (path: string): SigningKeys => {
  let file: Static<typeof File>
  try {
    file = Value.Decode(File, JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'not a JWK Set of private Ed25519 keys with kid'
    throw new ConfigError([`REKEY_SIGNING_KEYS_FILE cannot be used: ${reason}`])
  }
  const pairs = file.keys.map((jwk) => {
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
    return {
      kid: jwk.kid,
      privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    }
  })
  const byKid = new Map(pairs.map(({ kid, publicPem }) => [kid, publicPem]))
  return {
    current: pairs[0] as SigningKeys['current'],
    publicPem: (kid) => byKid.get(kid),
    jwks: { keys: file.keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })) },
  }
}
