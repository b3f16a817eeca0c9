import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { Type } from '@sinclair/typebox'

/** A secret key of the configuration. `id`: undefined for a plain value. */
interface SecretKey {
  id: string | undefined
  key: KeyObject
}

/** Keys of one purpose, at least one. The first writes, all of them read: so a key is replaced without losing data. */
export interface Keys {
  current: SecretKey
  all: readonly SecretKey[]
}

interface KeyText {
  id: string | undefined
  /** 32 bytes in base64url. */
  secret: string
}

/** Reads `base64url`, or a list `id:base64url,…`. A key that was configured alone may stay in the list without an id. */
export const parseKeys = (text: string): KeyText[] =>
  text.split(',').map((entry) => {
    const colon = entry.indexOf(':')
    return { id: colon < 0 ? undefined : entry.slice(0, colon), secret: entry.slice(colon + 1) }
  })

/** True if no id and no key of a list is given more than once. */
export const areDistinctKeys = (text: string): boolean => {
  const keys = parseKeys(text)
  const isUnique = (values: unknown[]) => new Set(values).size === values.length
  return isUnique(keys.map(({ id }) => id)) && isUnique(keys.map(({ secret }) => secret))
}

/** Most keys of one list: the current one, the next one, and two before. */
const mostKeys = 4
const keyPattern = '([A-Za-z0-9_-]{1,8}:)?[A-Za-z0-9_-]{43}'

/** A variable with the secret keys of one purpose, 256 bits each: the form of every HMAC and encryption key. */
export const Key = (description: string) =>
  Type.String({
    pattern: `^${keyPattern}(,${keyPattern}){0,${mostKeys - 1}}$`,
    format: 'keys',
    description:
      `${description} 32 random bytes in base64url. While it is replaced: a list id:key,id:key, whose first key writes ` +
      'and whose keys all read.',
  })

const keysOf = (all: SecretKey[]): Keys => {
  const [current] = all
  if (!current) throw new Error('a list of keys is empty')
  return { current, all }
}

/** Imports the keys of a variable. Do it once: an import costs more than an encryption. */
export const toKeys = (text: string): Keys =>
  keysOf(parseKeys(text).map(({ id, secret }) => ({ id, key: createSecretKey(secret, 'base64url') })))

/** Keys of another purpose, derived from these (HKDF-SHA-256, RFC 5869). Their ids stay. */
export const deriveKeys = ({ all }: Keys, purpose: string): Keys =>
  keysOf(
    all.map(({ id, key }) => ({
      id,
      key: createSecretKey(Buffer.from(hkdfSync('sha256', key, '', purpose, 32))),
    })),
  )

/** HMAC-SHA-256 in base64url. */
export const hmac = ({ key }: SecretKey, text: string): string =>
  createHmac('sha256', key).update(text).digest('base64url')
