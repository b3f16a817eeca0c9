import { readFileSync, realpathSync } from 'node:fs'
import { accessTokenSeconds, type SigningAlgorithm, sandboxKeyPrefix, signingAlgorithms } from '@rekey/contracts'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { changeFile } from './change-file.ts'

/** A private Ed25519 or RSA key. Its id is its thumbprint (RFC 7638), with a prefix in the sandbox. */
export interface SigningKey extends JWK {
  kid: string
  alg: SigningAlgorithm
  /** Seconds since the epoch at which the gateway begins to sign with the key; not set: at once. */
  sign_from?: number
}

/**
 * Time until every verifier has a new key: five minutes in HTTP caches, ten in a verifier that caches the set, and five
 * until the file has reached every instance of the gateway.
 */
export const publishSeconds = 1_200
/** Allowance for the clocks of verifiers. */
const leewaySeconds = 300

/** NIST SP 800-57 Part 1 rates 3072 bits like Ed25519. */
const rsaBits = 3_072

export const newSigningKey = async (
  profile: 'sandbox' | 'production' = 'production',
  alg: SigningAlgorithm = 'EdDSA',
): Promise<SigningKey> => {
  const kind = alg === 'EdDSA' ? { crv: 'Ed25519' } : { modulusLength: rsaBits }
  const { privateKey } = await generateKeyPair(alg, { ...kind, extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { ...jwk, kid: profile === 'sandbox' ? sandboxKeyPrefix + kid : kid, alg, use: 'sig' }
}

export const formatSigningKeys = (keys: SigningKey[]): string => `${JSON.stringify({ keys }, undefined, 2)}\n`

/** The keys that may still be needed: every token of a dropped key has expired. */
const stillNeeded = (keys: SigningKey[], nowSeconds: number) => {
  const order = keys.toSorted((one, other) => (one.sign_from ?? 0) - (other.sign_from ?? 0))
  const isExpired = (key: SigningKey) => {
    const successor = order.find((other) => other.kty === key.kty && (other.sign_from ?? 0) > (key.sign_from ?? 0))
    return successor !== undefined && (successor.sign_from ?? 0) + accessTokenSeconds + leewaySeconds < nowSeconds
  }
  return keys.filter((key) => !isExpired(key))
}

/** @throws Error without the content of the file */
const parseSigningKeys = (text: string): SigningKey[] => {
  try {
    const { keys } = JSON.parse(text)
    if (Array.isArray(keys)) return keys
  } catch {}
  throw new Error('the file of signing keys is not a JWK Set')
}

/** Resolves symbolic links. */
const locate = (path: string) => {
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(`there are no signing keys at ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Algorithms of a file's keys. @throws Error if the file is missing or malformed */
export const algorithmsOf = (path: string): SigningAlgorithm[] => {
  const kinds = new Set(parseSigningKeys(readFileSync(locate(path), 'utf8')).map(({ kty }) => kty))
  return signingAlgorithms.filter((algorithm) => kinds.has(algorithm === 'EdDSA' ? 'OKP' : 'RSA'))
}

interface RotationOptions {
  algorithm?: SigningAlgorithm
  /** Time until the new key signs. */
  afterSeconds?: number
  now?: () => Date
}

/** The result of a rotation. */
export interface Rotation {
  added: string
  signFrom: Date
  dropped: string[]
}

/**
 * Adds a key of an algorithm to the gateway's private JWK Set. Every gateway publishes it at once and signs with it
 * `afterSeconds` later. Drops keys whose tokens have all expired.
 *
 * @throws Error if the file is missing or malformed, or another rotation is running
 */
export const rotateSigningKeys = async (
  path: string,
  { algorithm = 'EdDSA', afterSeconds = publishSeconds, now = () => new Date() }: RotationOptions = {},
): Promise<Rotation> => {
  const nowSeconds = Math.ceil(now().getTime() / 1_000)
  const added = { ...(await newSigningKey('production', algorithm)), sign_from: nowSeconds + afterSeconds }
  let dropped: string[] = []
  changeFile(locate(path), (text) => {
    const keys = parseSigningKeys(text)
    const kept = stillNeeded(keys, nowSeconds)
    dropped = keys.filter((key) => !kept.includes(key)).map(({ kid }) => kid)
    return formatSigningKeys([...kept, added])
  })
  return { added: added.kid, signFrom: new Date(added.sign_from * 1_000), dropped }
}
