import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

type Signer = (text: string) => Buffer

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** A compact JWS (RFC 7515 §7.1) with any header, claims and signature, which a library would refuse to make. */
export const forge = (header: object, claims: object, signer: Signer): string => {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${signer(text).toString('base64url')}`
}

export const eddsa =
  (key: KeyObject): Signer =>
  (text) =>
    sign(null, Buffer.from(text), key)

export const hmac =
  (algorithm: 'sha256' | 'sha512', secret: string | Buffer): Signer =>
  (text) =>
    createHmac(algorithm, secret).update(text).digest()

export const unsigned: Signer = () => Buffer.alloc(0)

/** The gateway's own signing key: makes tokens whose only defect is the one under test. */
export const readSigningKey = (path: string) => {
  const [jwk] = JSON.parse(readFileSync(path, 'utf8')).keys
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid as string }
  return {
    privateKey,
    header,
    /** A token as the gateway signs it. */
    sign: (claims: object, other: object = {}) => forge({ ...header, ...other }, claims, eddsa(privateKey)),
  }
}
