import { createHmac } from 'node:crypto'
import type { Address } from '@rekey/contracts'
import { deriveKeys, type Keys } from '@rekey/platform/keys'

/** Bytes of a digest that make a fraction: a double has 53 bits. */
const bytes = 6

/**
 * Returns a function that maps a username to a number in [0, 1), always the same one: the credential at the next
 * `decoy_position` is its decoy, if the username is unknown (docs/adr/0007). Keyed (HKDF, RFC 5869), so that nobody can
 * choose usernames with the same decoy.
 */
export const createDecoys = (keys: Keys) => {
  // The label stays as it was first released: another one would give every username another decoy.
  const { key } = deriveKeys(keys, 'stand-in').current
  return ({ value }: Address): number =>
    createHmac('sha256', key).update(value).digest().readUIntBE(0, bytes) / 256 ** bytes
}
