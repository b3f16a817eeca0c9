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
  /** Seconds since the epoch. Before, the key is only published. */
  sign_from: Type.Integer({ minimum: 0, default: 0 }),
})
type PrivateKey = Static<typeof PrivateKey>
const parseFile = fileParser(variable, Type.Object({ keys: Type.Array(PrivateKey, { minItems: 1 }) }))

/** The gateway's signing keys, as of the newest good version of their file. */
export interface SigningKeys {
  /** An access or sign token (RFC 9068) with these claims, signed by the newest key whose time has come. */
  sign(claims: object): string
  /** Public half of any key in the file. */
  publicKey(kid: string): KeyObject | undefined
  /** Public halves (RFC 7517 §5), also of keys that do not sign yet. */
  jwks(): { keys: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; alg: 'EdDSA'; use: 'sig' }[] }
  /** Reads the file no more. */
  close(): Promise<void>
}

/** @throws Error of a key whose halves are none, or are not of one pair */
const toKey = ({ kty, crv, x, kid, sign_from: signFrom, ...jwk }: PrivateKey) => {
  const privateKey = createPrivateKey({ key: { kty, crv, x, ...jwk }, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  if (publicKey.export({ format: 'jwk' }).x !== x) throw new Error('x belongs to another key')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    signFrom,
    // Made once a key: reading the key takes longer than signing with it.
    sign: createSigner({ key, algorithm: 'EdDSA', kid, header: { typ: 'at+jwt' } as never }),
    publicKey,
    jwk: { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' } as const,
  }
}

type Key = ReturnType<typeof toKey>

const parse = (text: string) => {
  const { keys } = parseFile(text)
  const seen = new Set<string>()
  const faults: string[] = []
  const read = keys.flatMap((jwk, index) => {
    if (seen.has(jwk.kid)) faults.push(`${variable} /keys/${index}/kid: is another key’s too`)
    seen.add(jwk.kid)
    try {
      return toKey(jwk)
    } catch {
      faults.push(`${variable} /keys/${index}: is no pair of keys`)
      return []
    }
  })
  if (faults.length > 0) throw new ConfigError(faults)
  const newestFirst = read.toSorted((one, other) => other.signFrom - one.signFrom)
  // The file has one at least. It signs before its time where nothing else can.
  const oldest = newestFirst.at(-1) as Key
  return {
    newestFirst,
    oldest,
    byKid: new Map(read.map((key) => [key.kid, key])),
    jwks: { keys: read.map(({ jwk }) => jwk) },
  }
}

/** `npm start` makes keys of which anybody may have a copy: it names them so. */
const parseForProduction = (text: string) => {
  const read = parse(text)
  const faults = read.jwks.keys.flatMap(({ kid }, index) =>
    kid.startsWith(sandboxKeyPrefix)
      ? [`${variable} /keys/${index}/kid: is a key of the sandbox: npm run keys -- generate makes others.`]
      : [],
  )
  if (faults.length > 0) throw new ConfigError(faults)
  return read
}

/** What production does not take of a file of signing keys. */
export const signingKeysFaults = (path: string): readonly string[] =>
  configurationErrors(() => readOnce({ variable, path, parse: parseForProduction }))

interface Options {
  path: string
  profile: 'sandbox' | 'production'
  now: Now
  log: Logger
}

/**
 * The private JWK Set, read again when it changes. All of its keys verify; the one whose `sign_from` came last signs,
 * of several the first. So a new key is known to every verifier before any instance signs with it.
 *
 * @throws ConfigError naming every fault
 */
export const loadSigningKeys = ({ path, profile, now, log }: Options): SigningKeys => {
  const file = watchFile({ variable, path, parse: profile === 'production' ? parseForProduction : parse, log })
  return {
    sign(claims) {
      const { newestFirst, oldest } = file.current()
      const nowSeconds = now().getTime() / 1_000
      return (newestFirst.find(({ signFrom }) => signFrom <= nowSeconds) ?? oldest).sign(claims)
    },
    publicKey: (kid) => file.current().byKid.get(kid)?.publicKey,
    jwks: () => file.current().jwks,
    close: file.close,
  }
}
