/** Holds a password, in NFC, against the stored hash that it was made for. */
export type Verifier = (password: string) => Promise<boolean>

/** One way that a stored hash can be written. */
export interface Form {
  /** Whether a stored hash is written this way. */
  owns(stored: string): boolean
  /**
   * Reads a stored hash, without computing anything.
   *
   * @throws UnusableHash where it is malformed, or so costly that verifying it would harm the machine
   */
  read(stored: string): Verifier
}

export type HashFault = 'unknown_form' | 'malformed' | 'too_costly' | 'unknown_pepper'

/** A stored hash that nothing can be verified against. The message never holds the hash. */
export class UnusableHash extends Error {
  readonly code: HashFault

  constructor(code: HashFault, message: string) {
    super(message)
    this.code = code
  }
}
