import { createHmac, hkdfSync, type KeyObject } from 'node:crypto'
import type { Address } from '@rekey/contracts'

/** Bytes of a digest that make a fraction: a double holds 53 bits. */
const bytes = 6

/**
 * Where in [0, 1) a username falls among the lots of credentials, always the same: the credential next to it stands in
 * where there is none of its own (docs/adr/0007). Keyed (HKDF, RFC 5869), so that nobody can choose usernames that fall
 * close together.
 */
export const createLots = (key: KeyObject) => {
  const lotKey = Buffer.from(hkdfSync('sha256', key, '', 'stand-in', 32))
  return ({ value }: Address): number =>
    createHmac('sha256', lotKey).update(value).digest().readUIntBE(0, bytes) / 256 ** bytes
}
