import { parseOptions, verify } from '@node-rs/bcrypt'
import { checkCost, type HashFormat, UnusableHash } from './hash-format.ts'

const maxCost = 14
/** bcrypt ignores every byte after these. */
const maxBytes = 72

/**
 * bcrypt ($2a$, $2b$, $2y$). It truncates a password at 72 bytes or at a NUL; such a password is refused, after a full
 * computation (the time of bcrypt depends on the cost alone). A faster refusal would reveal which customers have a
 * bcrypt hash (ASVS 6.3.8).
 */
export const bcrypt: HashFormat = {
  matches: (stored) => /^\$2[aby]\$/.test(stored),
  parse(stored) {
    let cost: number
    try {
      cost = parseOptions(stored).cost
    } catch {
      throw new UnusableHash(
        'malformed',
        'malformed bcrypt hash: it must have the form $2b$<cost>$ and 53 characters of salt and hash',
      )
    }
    checkCost('bcrypt', [['cost', cost, maxCost]])
    return async (password) => {
      const isTruncated = Buffer.byteLength(password) > maxBytes || password.includes('\0')
      const matches = await verify(isTruncated ? '' : password, stored)
      return matches && !isTruncated
    }
  },
}
