import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { accessTokenSeconds, sandboxKeyPrefix } from '@rekey/contracts'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

/** A private Ed25519 key named by its thumbprint (RFC 7638), after what tells the sandbox's. */
export interface SigningKey extends JWK {
  kid: string
  /** Seconds since the epoch from when the gateway signs with it; not set: from the beginning. */
  sign_from?: number
}

/**
 * Seconds in which every verifier has learnt of a new key: five minutes in HTTP caches, then ten in a verifier that asks
 * no sooner (ours does, for a key it does not know), and five for the file to reach every instance of the gateway.
 */
export const publishSeconds = 1_200
/** Clocks of verifiers differ. */
const leewaySeconds = 300

export const newSigningKey = async (profile: 'sandbox' | 'production' = 'production'): Promise<SigningKey> => {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { ...jwk, kid: profile === 'sandbox' ? sandboxKeyPrefix + kid : kid, alg: 'EdDSA', use: 'sig' }
}

export const formatSigningKeys = (keys: SigningKey[]): string => `${JSON.stringify({ keys }, undefined, 2)}\n`

/** The keys that may still be needed: whatever a dropped one signed has expired. */
const stillNeeded = (keys: SigningKey[], nowSeconds: number) => {
  const order = keys.toSorted((one, other) => (one.sign_from ?? 0) - (other.sign_from ?? 0))
  const isOver = (key: SigningKey) => {
    const successor = order.find((other) => (other.sign_from ?? 0) > (key.sign_from ?? 0))
    return successor !== undefined && (successor.sign_from ?? 0) + accessTokenSeconds + leewaySeconds < nowSeconds
  }
  return keys.filter((key) => !isOver(key))
}

/** @throws Error where the file is there already */
const openAlone = (path: string) => {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(`${path} is there: another rotation is at work, or one was cut short and its file is to be removed`)
  }
}

/** @throws Error that repeats nothing of the file */
const parseSigningKeys = (text: string): SigningKey[] => {
  try {
    const { keys } = JSON.parse(text)
    if (Array.isArray(keys)) return keys
  } catch {}
  throw new Error('the file of signing keys is not a JWK Set')
}

/** Replaces a file in one step: whoever reads it sees the old text or the new one, whole. One change at a time. */
const changeFile = (path: string, change: (text: string) => string) => {
  const { uid, gid, mode } = statSync(path)
  const beside = `${path}.new`
  const handle = openAlone(beside)
  try {
    writeFileSync(handle, change(readFileSync(path, 'utf8')))
    // Root may give files away, and is not the account that reads this one.
    if (process.getuid?.() === 0) fchownSync(handle, uid, gid)
    // A service that reads it as the file's group must go on reading it; other accounts never may.
    fchmodSync(handle, mode & 0o660)
    fsyncSync(handle)
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside)
    throw error
  } finally {
    closeSync(handle)
  }
}

/** Where the file is, behind whatever links lead to it. */
const locate = (path: string) => {
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(`there are no signing keys at ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** What became of the keys. */
export interface Rotation {
  added: string
  signFrom: Date
  dropped: string[]
}

/**
 * Adds a key to the gateway's private JWK Set. Every gateway publishes it at once and signs with it `afterSeconds`
 * later. Keys that nothing valid is signed with any more are dropped.
 *
 * @throws Error where the file is not there, is not what it should be, or is being changed by another
 */
export const rotateSigningKeys = async (
  path: string,
  { afterSeconds = publishSeconds, now = () => new Date() }: { afterSeconds?: number; now?: () => Date } = {},
): Promise<Rotation> => {
  const nowSeconds = Math.ceil(now().getTime() / 1_000)
  const added = { ...(await newSigningKey()), sign_from: nowSeconds + afterSeconds }
  let dropped: string[] = []
  changeFile(locate(path), (text) => {
    const keys = parseSigningKeys(text)
    const kept = stillNeeded(keys, nowSeconds)
    dropped = keys.filter((key) => !kept.includes(key)).map(({ kid }) => kid)
    return formatSigningKeys([...kept, added])
  })
  return { added: added.kid, signFrom: new Date(added.sign_from * 1_000), dropped }
}
