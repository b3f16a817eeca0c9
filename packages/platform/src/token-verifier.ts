import { hash, type KeyObject } from 'node:crypto'
import { RekeyError } from '@rekey/contracts'
import type { CryptoKey, JWSHeaderParameters, JWTPayload } from 'jose'
import { jwtVerify } from 'jose/jwt/verify'
import type { Now } from './clock.ts'
import type { KeyName } from './issuer-keys.ts'

type Key = CryptoKey | KeyObject

interface Options {
  issuer: string
  /** Accepted values of `alg`. Only asymmetric ones: otherwise a public key could be used as an HMAC secret (RFC 8725 §3.1). */
  algorithms: string[]
  /** Accepted values of `typ` (RFC 8725 §3.11). */
  types: string[]
  requiredClaims: string[]
  /** The issuer's public key of this name. @throws RekeyError unavailable if the keys cannot be fetched */
  key(name: KeyName): Promise<Key | undefined>
  now: Now
}

/** How far the issuer's clock may be ahead of ours, in seconds (RFC 7519 §4.1.5). A token still ends when it expires. */
const clockLeewaySeconds = 5

/** Most tokens whose signature is kept as verified; with their claims about 10 MB. */
const mostVerified = 10_000

/** Media types ignore case, and "application/" may be omitted (RFC 7515 §4.1.9). */
const typeOf = ({ typ = '' }: JWSHeaderParameters) => typ.toLowerCase().replace(/^application\//, '')

/** True at a time in seconds at which the token is valid. */
const isCurrent = ({ exp = Number.POSITIVE_INFINITY, nbf = 0, iat = 0 }: JWTPayload, seconds: number): boolean => {
  const latest = seconds + clockLeewaySeconds
  // A token from the future would outlive the end of its session, which is judged by `iat`.
  return exp > Math.floor(seconds) && nbf <= latest && iat <= latest
}

/** A token that was verified: all but its times and the key, which are checked at each use. */
interface Verified {
  payload: JWTPayload
  name: KeyName
  key: Key
}

/** The tokens that were verified, by digest. It forgets the oldest of too many. Tokens themselves are not kept. */
const createVerifiedTokens = () => {
  const tokens = new Map<string, Verified>()
  return {
    find: (digest: string) => tokens.get(digest),
    delete: (digest: string) => tokens.delete(digest),
    add(digest: string, verified: Verified) {
      const [oldest] = tokens.size < mostVerified ? [] : tokens.keys()
      if (oldest !== undefined) tokens.delete(oldest)
      tokens.set(digest, verified)
    },
  }
}

/**
 * Verifies compact tokens of one issuer: algorithm, key, issuer, audience, times, type (RFC 9068 §4, RFC 8725). Ignores
 * headers that bring a key (jwk, jku, x5u).
 *
 * A client sends its token with each request, so that its signature is verified once. Each later use looks the key up and
 * compares the times. Whether the session has ended is not this function's: the caller asks its store each time.
 *
 * @returns the claims of a valid token for the audience, frozen; undefined for any other token
 */
export const createTokenVerifier = ({ issuer, algorithms, types, requiredClaims, key, now }: Options) => {
  const tokens = createVerifiedTokens()

  const verify = async (token: string, audience: string | string[], currentDate: Date) => {
    let verified: Pick<Verified, 'name' | 'key'> | undefined
    const keyOf = async ({ alg = '', kid }: JWSHeaderParameters) => {
      const name = typeof kid === 'string' ? { alg, kid } : undefined
      const found = name && (await key(name))
      if (!found) throw new RekeyError('invalid_token')
      verified = { name, key: found }
      return found
    }
    const policy = { algorithms, issuer, audience, requiredClaims, currentDate, clockTolerance: clockLeewaySeconds }
    const { payload, protectedHeader } = await jwtVerify(token, keyOf, policy)
    if (!verified || !types.includes(typeOf(protectedHeader))) return undefined
    Object.freeze(payload.aud)
    return { ...verified, payload: Object.freeze(payload) }
  }

  /** @param audience one of several, if it is a list @throws RekeyError unavailable */
  return async (token: string, audience: string | string[]): Promise<JWTPayload | undefined> => {
    const digest = hash('sha256', `${audience} ${token}`, 'base64')
    const currentDate = now()
    try {
      let verified = tokens.find(digest)
      // A key that was removed is not found, and one that was fetched again is another object.
      if (!verified || (await key(verified.name)) !== verified.key) {
        tokens.delete(digest)
        verified = await verify(token, audience, currentDate)
        if (verified) tokens.add(digest, verified)
      }
      return verified && isCurrent(verified.payload, currentDate.getTime() / 1_000) ? verified.payload : undefined
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'unavailable') throw error
      return undefined
    }
  }
}
