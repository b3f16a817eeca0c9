import type { KeyObject } from 'node:crypto'
import { RekeyError } from '@rekey/contracts'
import { type CryptoKey, type JWSHeaderParameters, type JWTPayload, jwtVerify } from 'jose'
import type { Now } from './clock.ts'
import type { KeyName } from './issuer-keys.ts'

interface Options {
  issuer: string
  /** Accepted values of `alg`. Only asymmetric ones: otherwise a public key could be used as an HMAC secret (RFC 8725 §3.1). */
  algorithms: string[]
  /** Accepted values of `typ` (RFC 8725 §3.11). */
  types: string[]
  requiredClaims: string[]
  /** The issuer's public key of this name. @throws RekeyError unavailable if the keys cannot be fetched */
  key(name: KeyName): Promise<CryptoKey | KeyObject | undefined>
  now: Now
}

/** How far the issuer's clock may be ahead of ours, in seconds (RFC 7519 §4.1.5). A token still ends when it expires. */
const clockLeewaySeconds = 5

/** Media types ignore case, and "application/" may be omitted (RFC 7515 §4.1.9). */
const typeOf = ({ typ = '' }: JWSHeaderParameters) => typ.toLowerCase().replace(/^application\//, '')

/**
 * Verifies compact tokens of one issuer: algorithm, key, issuer, audience, times, type (RFC 9068 §4, RFC 8725). Ignores
 * headers that bring a key (jwk, jku, x5u).
 *
 * @returns the claims of a valid token for the audience; undefined for any other token
 */
export const createTokenVerifier =
  ({ issuer, algorithms, types, requiredClaims, key, now }: Options) =>
  /** @param audience one of several, if it is a list @throws RekeyError unavailable */
  async (token: string, audience: string | string[]): Promise<JWTPayload | undefined> => {
    const keyOf = async ({ alg = '', kid }: JWSHeaderParameters) => {
      const found = typeof kid === 'string' ? await key({ alg, kid }) : undefined
      if (!found) throw new RekeyError('invalid_token')
      return found
    }
    try {
      const currentDate = now()
      const seconds = currentDate.getTime() / 1_000
      const policy = { algorithms, issuer, audience, requiredClaims, currentDate, clockTolerance: clockLeewaySeconds }
      const { payload, protectedHeader } = await jwtVerify(token, keyOf, policy)
      const { exp = Number.POSITIVE_INFINITY, iat = 0 } = payload
      // A token from the future would outlive the end of its session, which is judged by `iat`.
      if (exp <= Math.floor(seconds) || iat > seconds + clockLeewaySeconds) return undefined
      return types.includes(typeOf(protectedHeader)) ? payload : undefined
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'unavailable') throw error
      return undefined
    }
  }
