import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { sandboxKeyPrefix } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { ConfigError, configurationErrors, fileParser } from '@rekey/platform/config'
import type { Logger } from '@rekey/platform/logger'
import { readOnce, watchFile } from '@rekey/platform/watched-file'
import { type Static, Type } from '@sinclair/typebox'
import { createSigner } from 'fast-jwt'

const variable = 'REKEY_SIGNING_KEYS_FILE'

const PrivateKey = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String(),
  d: Type.String(),
  kid: Type.String({ minLength: 1 }),
  /** Seconds since the epoch. Until then the key is published, and does not sign. */
  sign_from: Type.Integer({ minimum: 0, default: 0 }),
})
type PrivateKey = Static<typeof PrivateKey>
const parseFile = fileParser(variable, Type.Object({ keys: Type.Array(PrivateKey, { minItems: 1 }) }))

/** @throws Error if the two halves are no valid key pair */
const toKey = ({ kty, crv, x, kid, sign_from: signFrom, ...jwk }: PrivateKey) => {
  const privateKey = createPrivateKey({ key: { kty, crv, x, ...jwk }, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  if (publicKey.export({ format: 'jwk' }).x !== x) throw new Error('x is not the public half of d')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    signFrom,
    // One signer a key: parsing the key takes longer than signing with it.
    sign: createSigner({ key, algorithm: 'EdDSA', kid, header: { typ: 'at+jwt' } as never }),
    publicKey,
    jwk: { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' } as const,
  }
}

type Key = ReturnType<typeof toKey>

const parse = (text: string) => {
  const { keys } = parseFile(text)
  const seen = new Set<string>()
  const errors: string[] = []
  const read = keys.flatMap((jwk, index) => {
    if (seen.has(jwk.kid)) errors.push(`${variable} /keys/${index}/kid: is used by another key`)
    seen.add(jwk.kid)
    try {
      return toKey(jwk)
    } catch {
      errors.push(`${variable} /keys/${index}: is no valid key pair`)
      return []
    }
  })
  if (errors.length > 0) throw new ConfigError(errors)
  const newestFirst = read.toSorted((one, other) => other.signFrom - one.signFrom)
  // The schema requires one key at least. The oldest signs before its time if no other can.
  const oldest = newestFirst.at(-1) as Key
  return {
    newestFirst,
    oldest,
    byKid: new Map(read.map((key) => [key.kid, key])),
    jwks: { keys: read.map(({ jwk }) => jwk) },
  }
}

/** Production rejects the keys that `npm start` generates: their `kid` marks them, because copies may be public. */
const parseForProduction = (text: string) => {
  const read = parse(text)
  const errors = read.jwks.keys.flatMap(({ kid }, index) =>
    kid.startsWith(sandboxKeyPrefix)
      ? [`${variable} /keys/${index}/kid: is a key of the sandbox: npm run keys -- generate makes others.`]
      : [],
  )
  if (errors.length > 0) throw new ConfigError(errors)
  return read
}

/** Configuration errors of a file of signing keys in production. */
export const signingKeysErrors = (path: string): readonly string[] =>
  configurationErrors(() => readOnce({ variable, path, parse: parseForProduction }))

interface Options {
  path: string
  profile: 'sandbox' | 'production'
  now: Now
  log: Logger
}

/**
 * The private JWK Set, read again when it changes. All of its keys verify; the one with the latest `sign_from` in the
 * past signs, the first of equals. So each verifier has a new key before any instance signs with it.
 *
 * @throws ConfigError that lists every error
 */
export const loadSigningKeys = ({ path, profile, now, log }: Options) => {
  const file = watchFile({ variable, path, parse: profile === 'production' ? parseForProduction : parse, log })
  return {
    /** Signs the claims of an access or success token (RFC 9068). */
    sign(claims: object): string {
      const { newestFirst, oldest } = file.current()
      const nowSeconds = now().getTime() / 1_000
      return (newestFirst.find(({ signFrom }) => signFrom <= nowSeconds) ?? oldest).sign(claims)
    },

    /** Public half of a key in the file. */
    publicKey: (kid: string): KeyObject | undefined => file.current().byKid.get(kid)?.publicKey,

    /** Public halves of all keys (RFC 7517 §5), also of those that do not sign yet. */
    jwks: () => file.current().jwks,

    /** Stops watching the file. */
    close: file.close,
  }
}

export type SigningKeys = ReturnType<typeof loadSigningKeys>
