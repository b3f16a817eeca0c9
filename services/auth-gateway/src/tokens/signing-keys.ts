import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { OneOf, type SigningAlgorithm, sandboxKeyPrefix, signingAlgorithms } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { ConfigError, configurationErrors, fileParser } from '@rekey/platform/config'
import type { Logger } from '@rekey/platform/logger'
import { readOnce, watchFile } from '@rekey/platform/watched-file'
import { type Static, type TOptional, type TString, Type } from '@sinclair/typebox'
import { createSigner } from 'fast-jwt'

const variable = 'REKEY_SIGNING_KEYS_FILE'

const parts = ['crv', 'x', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi'] as const

/** A private Ed25519 (RFC 8037) or RSA key (RFC 7518 §6.3). */
const PrivateKey = Type.Object({
  kty: OneOf(['OKP', 'RSA']),
  kid: Type.String({ minLength: 1 }),
  /** Seconds since the epoch. Until then the key is published, and does not sign. */
  sign_from: Type.Integer({ minimum: 0, default: 0 }),
  ...(Object.fromEntries(parts.map((part) => [part, Type.Optional(Type.String())])) as Record<
    (typeof parts)[number],
    TOptional<TString>
  >),
})
type PrivateKey = Static<typeof PrivateKey>
const parseFile = fileParser(variable, Type.Object({ keys: Type.Array(PrivateKey, { minItems: 1 }) }))

/** RFC 7518 §3.3. */
const leastRsaBits = 2_048

const publicHalf = ({ kty, crv = '', x = '', n = '', e = '' }: PrivateKey) =>
  kty === 'OKP' ? ({ kty, crv, x, alg: 'EdDSA' } as const) : ({ kty, n, e, alg: 'RS256' } as const)

/** True if the public half verifies what the private half signs. */
const isPair = (publicKey: KeyObject, privateKey: KeyObject, digest: 'sha256' | null): boolean => {
  const probe = Buffer.from('probe')
  return verify(digest, probe, publicKey, sign(digest, probe, privateKey))
}

/** The error of a key, without its content. */
class KeyError extends Error {}

/** @throws KeyError, or an error of node:crypto, whose message may contain the key */
const toKey = ({ kid, sign_from: signFrom, ...jwk }: PrivateKey) => {
  const half = publicHalf(jwk as PrivateKey)
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const publicKey = createPublicKey({ key: half, format: 'jwk' })
  const isRsa = half.kty === 'RSA'
  if (!isRsa && half.crv !== 'Ed25519') throw new KeyError('is of another curve than Ed25519')
  if (!isPair(publicKey, privateKey, isRsa ? 'sha256' : null)) throw new KeyError('is no valid key pair')
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? leastRsaBits
  if (bits < leastRsaBits) throw new KeyError(`has ${bits} bits: RS256 requires ${leastRsaBits} (RFC 7518 §3.3)`)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    signFrom,
    algorithm: half.alg as SigningAlgorithm,
    // One signer a key: parsing the key takes longer than signing with it.
    sign: createSigner({ key, algorithm: half.alg, kid, header: { typ: 'at+jwt' } as never }),
    publicKey,
    jwk: { ...half, kid, use: 'sig' },
  }
}

type Key = ReturnType<typeof toKey>

/** Keys of one algorithm, newest first. */
type Keys = [Key, ...Key[]]

const newestFirst = (keys: Key[], algorithm: SigningAlgorithm): [SigningAlgorithm, Keys][] => {
  const [first, ...rest] = keys
    .filter((key) => key.algorithm === algorithm)
    .toSorted((one, other) => other.signFrom - one.signFrom)
  return first ? [[algorithm, [first, ...rest]]] : []
}

const parse = (text: string) => {
  const { keys } = parseFile(text)
  const seen = new Set<string>()
  const errors: string[] = []
  const read = keys.flatMap((jwk, index) => {
    if (seen.has(jwk.kid)) errors.push(`${variable} /keys/${index}/kid: is used by another key`)
    seen.add(jwk.kid)
    try {
      return toKey(jwk)
    } catch (error) {
      errors.push(`${variable} /keys/${index}: ${error instanceof KeyError ? error.message : 'is no valid key pair'}`)
      return []
    }
  })
  if (errors.length > 0) throw new ConfigError(errors)
  const byAlgorithm = new Map(signingAlgorithms.flatMap((algorithm) => newestFirst(read, algorithm)))
  const byDefault = byAlgorithm.get('EdDSA')
  if (!byDefault) throw new ConfigError([`${variable} /keys: has no Ed25519 key`])
  return {
    byAlgorithm,
    byKid: new Map(read.map((key) => [key.kid, key])),
    jwks: { keys: read.map(({ jwk }) => jwk) },
  }
}

type SigningKeySet = ReturnType<typeof parse>

/**
 * Refuses a later version of the file without an algorithm that the earlier had: a client may need it, and would fail
 * after its codes were spent.
 */
const keepAlgorithms = (read: (text: string) => SigningKeySet) => {
  let earlier: SigningKeySet | undefined
  return (text: string) => {
    const later = read(text)
    const lost = [...(earlier?.byAlgorithm.keys() ?? [])].filter((algorithm) => !later.byAlgorithm.has(algorithm))
    if (lost.length > 0) {
      throw new ConfigError([`${variable} /keys: has no ${lost.join()} key any more: to stop using it, restart`])
    }
    earlier = later
    return later
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
 * The private JWK Set, read again when it changes. All of its keys verify; of an algorithm's keys the one with the
 * latest `sign_from` in the past signs, the first of equals. So each verifier has a new key before any instance signs with it.
 *
 * @throws ConfigError that lists every error
 */
export const loadSigningKeys = ({ path, profile, now, log }: Options) => {
  const read = keepAlgorithms(profile === 'production' ? parseForProduction : parse)
  const file = watchFile({ variable, path, parse: read, log })
  return {
    /** Signs the claims of an access or success token (RFC 9068). @throws Error if no key is of the algorithm */
    sign(claims: object, algorithm: SigningAlgorithm = 'EdDSA'): string {
      const keys = file.current().byAlgorithm.get(algorithm)
      if (!keys) throw new Error(`there is no ${algorithm} key`)
      const nowSeconds = now().getTime() / 1_000
      // The oldest signs before its time if no other can.
      const signer = keys.find(({ signFrom }) => signFrom <= nowSeconds) ?? keys.at(-1) ?? keys[0]
      return signer.sign(claims)
    },

    /** True if tokens can be signed with the algorithm. */
    signsWith: (algorithm: SigningAlgorithm): boolean => file.current().byAlgorithm.has(algorithm),

    /** Public half of a key in the file. */
    publicKey: (kid: string): KeyObject | undefined => file.current().byKid.get(kid)?.publicKey,

    /** Public halves of all keys (RFC 7517 §5), also of those that do not sign yet. */
    jwks: () => file.current().jwks,

    /** Stops watching the file. */
    close: file.close,
  }
}

export type SigningKeys = ReturnType<typeof loadSigningKeys>

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_SIGNING_KEYS_FILE: string
}

/** The gateway's signing keys. */
export const createSigningKeys = ({ now, log }: Pick<Options, 'now' | 'log'>, config: Settings): SigningKeys =>
  loadSigningKeys({ path: config.REKEY_SIGNING_KEYS_FILE, profile: config.REKEY_PROFILE, now, log })
