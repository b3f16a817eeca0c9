import type { Random } from '@rekey/platform/random'

/** No character that a person could take for another: 0 and o, 1 and l and i. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

/** 79 bits: more than a password that lives a day and is asked for online needs (ASVS 6.4.1). */
const usualLength = 16

/** Bytes from here on would make the first characters likelier than the others. */
const firstUnused = 256 - (256 % alphabet.length)

/** A random password to be sent to a customer, of at least `minLength` characters. */
export const makeTemporaryPassword = (random: Random, minLength: number): string => {
  const length = Math.max(usualLength, minLength)
  let password = ''
  while (password.length < length) {
    const fair = [...random.bytes(length)].filter((byte) => byte < firstUnused)
    password += fair.map((byte) => alphabet[byte % alphabet.length]).join('')
  }
  return password.slice(0, length)
}
