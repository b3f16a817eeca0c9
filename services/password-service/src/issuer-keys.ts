import { unavailable } from '@rekey/contracts'
import { createRemoteJWKSet, errors, exportSPKI } from 'jose'

const timeoutMs = 1_500
/** A key that is not in the set may be a new one: ask again, but for nobody's pleasure more often than this (S29). */
const cooldownMs = 1_000
const cacheMs = 600_000

/**
 * The token issuer's public keys by their id, from its JWK Set (RFC 7517), kept for ten minutes.
 *
 * @returns PEM of the Ed25519 key of this id; undefined where the issuer has none
 * @throws RekeyError unavailable where the issuer cannot be asked and the key is not known yet
 */
export const createIssuerKeys = (jwksUrl: string) => {
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: cacheMs,
  })
  return async (kid: string): Promise<string | undefined> => {
    try {
      return await exportSPKI(await keys({ alg: 'EdDSA', kid }))
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys)
        return undefined
      throw unavailable(cause)
    }
  }
}
