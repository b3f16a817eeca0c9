import { parseOptions, verify } from '@node-rs/bcrypt'
import { type Form, UnusableHash } from './form.ts'

const maxCost = 14
/** What bcrypt reads of a password; more would be cut without a word. */
const maxBytes = 72

/**
 * bcrypt ($2a$, $2b$, $2y$). A password that bcrypt would cut, at 72 bytes or at a NUL, is refused, and takes as long as
 * any other: bcrypt's time depends on the cost alone. Refused at once it would tell who has such a hash (ASVS 6.3.8).
 */
export const bcrypt: Form = {
  owns: (stored) => /^\$2[aby]\$/.test(stored),
  read(stored) {
    let cost: number
    try {
      cost = parseOptions(stored).cost
    } catch {
      throw new UnusableHash('malformed', 'malformed bcrypt hash')
    }
    if (cost > maxCost) throw new UnusableHash('too_costly', 'bcrypt cost is out of bounds')
    return async (password) => {
      const isCut = Buffer.byteLength(password) > maxBytes || password.includes('\0')
      const matches = await verify(isCut ? '' : password, stored)
      return matches && !isCut
    }
  },
}
