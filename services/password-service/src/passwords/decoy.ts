import { createHmac, hkdfSync, type KeyObject } from 'node:crypto'
import type { Address } from '@rekey/contracts'

/** Bytes of a digest that make a fraction: a double has 53 bits. */
const bytes = 6

/**
 * Returns a function that maps a username to a number in [0, 1), always the same one: the credential at the next
 * `decoy_position` is its decoy, if the username is unknown (docs/adr/0007). Keyed (HKDF, RFC 5869), so that nobody can
 * choose usernames with the same decoy.
 */
export const createDecoys = (key: KeyObject) => {
  // The label stays as it was first released: another one would give every username another decoy.
  const decoyKey = Buffer.from(hkdfSync('sha256', key, '', 'stand-in', 32))
  return ({ value }: Address): number =>
    createHmac('sha256', decoyKey).update(value).digest().readUIntBE(0, bytes) / 256 ** bytes
}
