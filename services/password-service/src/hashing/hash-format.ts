/** Compares a password, with exactly these characters, with a stored hash. */
export type Verifier = (password: string) => Promise<boolean>

/** One format of stored hashes. */
export interface HashFormat {
  /** True if the stored hash is written in this format. */
  matches(stored: string): boolean
  /**
   * Parses a stored hash; computes nothing.
   *
   * @throws UnusableHash if it is malformed, or if verifying it would take too much memory or time
   */
  parse(stored: string): Verifier
}

export type HashErrorCode = 'unknown_form' | 'malformed' | 'too_costly' | 'unknown_pepper'

/** No password can be verified against this stored hash. The message never contains the hash. */
export class UnusableHash extends Error {
  readonly code: HashErrorCode

  constructor(code: HashErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * The error of a hash that does not match the pattern of its algorithm. Its message says which part is wrong, so that an
 * operator can repair an export: padding and base64url are the usual mistakes.
 *
 * @param form such as `$scrypt$ln=<n>,r=<n>,p=<n>$<salt>$<hash>`
 */
export const malformedHash = (algorithm: string, stored: string, form: string): UnusableHash => {
  const [, , parameters = '', salt, hash] = stored.split('$')
  const reasonOf = () => {
    if (salt === undefined || hash === undefined || stored.split('$').length > 5) return `it must have the form ${form}`
    if (/=/.test(salt + hash)) return 'salt and hash must be base64 without padding (=)'
    if (/[-_]/.test(salt + hash)) return 'salt and hash must be base64, not base64url'
    if (/[^A-Za-z0-9+/.]/.test(salt + hash)) return 'salt and hash must be base64'
    if (salt.length < 8) return 'the salt is shorter than 6 bytes'
    if (hash.length < 22) return 'the hash is shorter than 16 bytes'
    const asGiven = /^[a-z0-9=,]{1,60}$/.test(parameters) ? `, not ${parameters}` : ''
    return `the algorithm or its parameters are unknown: the form is ${form}${asGiven}`
  }
  return new UnusableHash('malformed', `malformed ${algorithm} hash: ${reasonOf()}`)
}

/** A cost parameter of a hash, and the most that this service computes. */
export type CostBound = [parameter: string, value: number, most: number]

/** @throws UnusableHash that names each parameter beyond its bound */
export const checkCost = (algorithm: string, bounds: CostBound[]): void => {
  const beyond = bounds.filter(([, value, most]) => value > most)
  if (beyond.length === 0) return
  const list = beyond.map(([parameter, value, most]) => `${parameter} is ${value}, more than ${most}`).join('; ')
  throw new UnusableHash('too_costly', `${algorithm} parameters are out of bounds: ${list}`)
}
