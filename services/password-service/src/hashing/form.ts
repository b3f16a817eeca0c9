/** One way that a stored hash can be written, and how a password is held against it. */
export interface Form {
  /** Whether a stored hash is written this way. */
  owns(stored: string): boolean
  /** @throws UnusableHash where the stored hash is malformed, or so costly that verifying it would harm the machine */
  verify(stored: string, password: string): Promise<boolean>
}

/** A stored hash that nothing can be verified against. The message never holds the hash. */
export class UnusableHash extends Error {}
