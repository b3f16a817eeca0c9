/** Compares a password, in NFC, with the stored hash that it was made for. */
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
