import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Keys } from './keys.ts'
import { takeRandomBytes } from './random.ts'

// Compact JWE, direct use of a shared key with AES-256-GCM (RFC 7518 §4.5, §5.3). `jose` makes the same text, but through
// WebCrypto: each seal then waits for a thread of the pool, which takes ten times as long as the encryption of one field.
const algorithms = { alg: 'dir', enc: 'A256GCM' } as const
const cipher = 'aes-256-gcm'
const ivBytes = 12
const tagBytes = 16

const toBase64url = (text: string) => Buffer.from(text).toString('base64url')

/** Protected headers by key id: few, and equal in every sealed text. */
const headers = new Map<string | undefined, string>()

const headerOf = (id: string | undefined): string => {
  const known = headers.get(id)
  if (known !== undefined) return known
  const header = toBase64url(JSON.stringify({ ...algorithms, ...(id !== undefined && { kid: id }) }))
  headers.set(id, header)
  return header
}

/**
 * Encrypts a value for the one service that shares the keys. Decryption requires the same `context` (such as the challenge
 * id), so that a sealed field cannot be moved into another event.
 */
export const seal = ({ current: { id, key } }: Keys, context: string, value: unknown): string => {
  const header = headerOf(id)
  const iv = takeRandomBytes(ivBytes)
  const encryption = createCipheriv(cipher, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(header))
  // GCM has no padding: `final` makes the tag, and no text.
  const text = encryption.update(JSON.stringify({ context, value }), 'utf8')
  encryption.final()
  return [header, '', ...[iv, text, encryption.getAuthTag()].map((part) => part.toString('base64url'))].join('.')
}

/** @throws Error if the text is not base64url in its one spelling: Node would skip other characters */
const fromBase64url = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new Error('sealed text is malformed')
  return bytes
}

interface Sealed {
  header: string
  kid: unknown
  iv: Buffer
  text: Buffer
  tag: Buffer
}

/** Reads a compact JWE (RFC 7516 §7.1) of the algorithms above. @throws Error for any other text */
const readSealed = (sealed: string): Sealed => {
  const [header = '', encryptedKey, iv = '', text = '', tag = '', ...rest] = sealed.split('.')
  const { alg, enc, kid, ...others } = JSON.parse(fromBase64url(header).toString('utf8'))
  const isOurs = alg === algorithms.alg && enc === algorithms.enc && Object.keys(others).length === 0
  const parts = { header, kid, iv: fromBase64url(iv), text: fromBase64url(text), tag: fromBase64url(tag) }
  if (!isOurs || encryptedKey !== '' || rest.length > 0) throw new Error('sealed with another algorithm')
  // OpenSSL would accept shorter tags, which are easier to forge.
  if (parts.iv.length !== ivBytes || parts.tag.length !== tagBytes) throw new Error('sealed text is malformed')
  return parts
}

const decrypt = ({ all }: Keys, { header, kid, iv, text, tag }: Sealed): string => {
  let reason: unknown = new Error('sealed with a key that is not configured')
  for (const { id, key } of all) {
    // A key gets an id later at one instance than at another.
    if (kid !== undefined && id !== kid && id !== undefined) continue
    try {
      const decryption = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(header))
      decryption.setAuthTag(tag)
      const opened = decryption.update(text)
      // Throws unless the tag is right. It returns no text: GCM has no padding.
      decryption.final()
      return opened.toString('utf8')
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

/** Decrypts a sealed field. Rejects with an Error if key or context differ, or the text was changed. */
export const unseal = async <T>(keys: Keys, context: string, sealed: string): Promise<T> => {
  const opened = JSON.parse(decrypt(keys, readSealed(sealed)))
  if (opened.context !== context) throw new Error('sealed for another context')
  return opened.value
}
