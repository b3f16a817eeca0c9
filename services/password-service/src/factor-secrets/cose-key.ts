import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { COSEALG, cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers'

/** Signatures of passkeys that are taken: every platform has one of them. The best first. */
export const algorithms = [COSEALG.EdDSA, COSEALG.ES256, COSEALG.RS256]

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('base64url')

const toJwk = (key: ReturnType<typeof decodeCredentialPublicKey>): JsonWebKey | undefined => {
  if (cose.isCOSEPublicKeyOKP(key)) return { kty: 'OKP', crv: 'Ed25519', x: text(key.get(cose.COSEKEYS.x)) }
  if (cose.isCOSEPublicKeyEC2(key)) {
    return { kty: 'EC', crv: 'P-256', x: text(key.get(cose.COSEKEYS.x)), y: text(key.get(cose.COSEKEYS.y)) }
  }
  if (cose.isCOSEPublicKeyRSA(key)) {
    return { kty: 'RSA', n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) }
  }
  return undefined
}

const keyTypes: Partial<Record<number, string>> = {
  [COSEALG.EdDSA]: 'ed25519',
  [COSEALG.ES256]: 'ec',
  [COSEALG.RS256]: 'rsa',
}

/**
 * True if signatures of a passkey can be verified with its public key: one key of an algorithm that is taken.
 *
 * @param publicKey COSE_Key (RFC 9052 §7) in base64url
 */
export const canVerify = (publicKey: string): boolean => {
  try {
    const key = decodeCredentialPublicKey(new Uint8Array(Buffer.from(publicKey, 'base64url')))
    const jwk = toJwk(key)
    // Node refuses coordinates of another length, and points that are not on the curve.
    const type = jwk && createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyType
    return type !== undefined && type === keyTypes[key.get(cose.COSEKEYS.alg) ?? 0]
  } catch {
    return false
  }
}
