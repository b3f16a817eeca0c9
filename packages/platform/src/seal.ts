import { createSecretKey, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

/** Compact JWE, direct use of a shared key with AES-256-GCM (RFC 7518 §4.5, §5.3). */
const header = { alg: 'dir', enc: 'A256GCM' } as const

/** A key of the configuration, made ready once: importing it anew at every use costs more than the sealing. */
export const toKey = (base64url: string): KeyObject => createSecretKey(base64url, 'base64url')

/**
 * Seals a value for the one reader that shares the key. `context` (such as the challenge id) must be given again to
 * open it, so that a sealed value cannot be moved from one event into another.
 */
export const seal = (key: KeyObject, context: string, value: unknown): Promise<string> =>
  new CompactEncrypt(Buffer.from(JSON.stringify({ context, value }))).setProtectedHeader(header).encrypt(key)

/** @throws Error where the key or the context is another, or the text was changed. */
export const unseal = async <T>(key: KeyObject, context: string, sealed: string): Promise<T> => {
  const { plaintext } = await compactDecrypt(sealed, key, {
    keyManagementAlgorithms: [header.alg],
    contentEncryptionAlgorithms: [header.enc],
  })
  const opened = JSON.parse(Buffer.from(plaintext).toString('utf8'))
  if (opened.context !== context) throw new Error('sealed for another context')
  return opened.value
}
