import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import type { Keys } from './keys.ts'

/** Compact JWE, direct use of a shared key with AES-256-GCM (RFC 7518 §4.5, §5.3). */
const header = { alg: 'dir', enc: 'A256GCM' } as const

/**
 * Encrypts a value for the one service that shares the keys. Decryption requires the same `context` (such as the challenge
 * id), so that a sealed field cannot be moved into another event.
 */
export const seal = ({ current: { id, key } }: Keys, context: string, value: unknown): Promise<string> =>
  new CompactEncrypt(Buffer.from(JSON.stringify({ context, value })))
    .setProtectedHeader({ ...header, ...(id !== undefined && { kid: id }) })
    .encrypt(key)

/** The keys that a text may be encrypted with. A key gets an id later at one instance than at another. */
const candidates = ({ all }: Keys, sealed: string) => {
  const { kid } = decodeProtectedHeader(sealed)
  return kid === undefined ? all : all.filter(({ id }) => id === kid || id === undefined)
}

const decrypt = async (keys: Keys, sealed: string): Promise<Uint8Array> => {
  let reason: unknown = new Error('sealed with a key that is not configured')
  for (const { key } of candidates(keys, sealed)) {
    try {
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: [header.alg],
        contentEncryptionAlgorithms: [header.enc],
      })
      return plaintext
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

/** Decrypts a sealed field. @throws Error if key or context differ, or the text was changed */
export const unseal = async <T>(keys: Keys, context: string, sealed: string): Promise<T> => {
  const opened = JSON.parse(Buffer.from(await decrypt(keys, sealed)).toString('utf8'))
  if (opened.context !== context) throw new Error('sealed for another context')
  return opened.value
}
