import { createHmac } from 'node:crypto'
import type { Random } from '@rekey/platform/random'

/** How many codes a set has. */
export const recoveryCodesInSet = 10

/** S55: 80 bits, 16 characters. */
const codeBytes = 10
const keyBytes = 32

/** Base32 of Crockford: without the letters I, L, O and U, which readers of paper take for others. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const toText = (bytes: Uint8Array): string => {
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  return bits.replace(/.{5}/g, (five) => alphabet[Number.parseInt(five, 2)] ?? '')
}

/** A code as it is compared: capitals without separators, and with digits for the letters that look like them. */
const normalised = (code: string): string =>
  code
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')

/** HMAC-SHA-256 of a code in base64url. `key` is that of its set, in base64url. */
export const recoveryCodeHmac = (key: string, code: string): string =>
  createHmac('sha256', Buffer.from(key, 'base64url')).update(normalised(code)).digest('base64url')

/** A new set of codes, such as `7HXK-2M9Q-VW3C-T8ZD`, and the key of their HMACs. */
export const newRecoveryCodes = (random: Random): { key: string; codes: string[]; hmacs: string[] } => {
  const key = random.bytes(keyBytes).toString('base64url')
  const codes = Array.from({ length: recoveryCodesInSet }, () =>
    toText(random.bytes(codeBytes)).replace(/(.{4})(?=.)/g, '$1-'),
  )
  return { key, codes, hmacs: codes.map((code) => recoveryCodeHmac(key, code)) }
}
