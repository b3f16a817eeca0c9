import { createSecretKey, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

/** Compact JWE, direct use of a shared key with AES-256-GCM (RFC 7518 §4.5, §5.3). */
const header = { alg: 'dir', enc: 'A256GCM' } as const

/** Imports a key of the configuration. Do it once: an import costs more than an encryption. */
export const toKey = (base64url: string): KeyObject => createSecretKey(base64url, 'base64url')

/**
 * Encrypts a value for the one service that shares the key. Decryption requires the same `context` (such as the challenge
 * id), so that a sealed field cannot be moved into another event.
 */
export const seal = (key: KeyObject, context: string, value: unknown): Promise<string> =>
  new CompactEncrypt(Buffer.from(JSON.stringify({ context, value }))).setProtectedHeader(header).encrypt(key)

/** Decrypts a sealed field. @throws Error if key or context differ, or the text was changed */
export const unseal = async <T>(key: KeyObject, context: string, sealed: string): Promise<T> => {
  const { plaintext } = await compactDecrypt(sealed, key, {
    keyManagementAlgorithms: [header.alg],
    contentEncryptionAlgorithms: [header.enc],
  })
  const opened = JSON.parse(Buffer.from(plaintext).toString('utf8'))
  if (opened.context !== context) throw new Error('sealed for another context')
  return opened.value
}
