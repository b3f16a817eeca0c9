import { maxPasswordLength } from '@rekey/platform/password-length'
import { type Reason, refusePassword } from './refusal.ts'
import type { FormerOwner } from './reuse.ts'

interface Deps {
  /** Code points. */
  minLength: number
  isCommon(password: string): boolean
  isContextWord(password: string, usernames: readonly string[]): boolean
  /** Never rejects. */
  isLeaked(password: string): Promise<boolean>
  /** @throws RekeyError password_refused, unavailable */
  refuseReused(owner: FormerOwner, password: string): Promise<void>
}

/** The customer who gets the new password. */
export interface Owner extends FormerOwner {
  /** Mail addresses and phone numbers. */
  usernames: readonly string[]
}

/** Returns the reason to refuse a password, or undefined. */
type Rule = (password: string) => Reason | undefined

/** Code points: the closest to what a person counts as characters (NIST SP 800-63B-4 §3.1.1.2). */
const length = (password: string) => Array.from(password).length

/** ASVS 6.2.1; NIST SP 800-63B-4 §3.1.1.2. */
const longEnough =
  (minLength: number): Rule =>
  (password) =>
    length(password) < minLength
      ? { code: 'too_short', message: `must have at least ${minLength} characters` }
      : undefined

/** ASVS 6.2.9: at least 64 must be allowed. */
const notTooLong: Rule = (password) =>
  length(password) > maxPasswordLength
    ? { code: 'too_long', message: `must have at most ${maxPasswordLength} characters` }
    : undefined

/** ASVS 6.2.4. */
const notCommon =
  (isCommon: Deps['isCommon']): Rule =>
  (password) =>
    isCommon(password)
      ? { code: 'common', message: 'is too easy to guess: many people use it, or one like it' }
      : undefined

/** ASVS 6.2.11. */
const contextWord: Reason = {
  code: 'context_word',
  message: 'must not be just the e-mail address, the phone number or our name, even with digits or signs added',
}

/** ASVS 6.2.12. */
const breached: Reason = {
  code: 'breached',
  message: 'is known from a data leak elsewhere: thieves try such passwords first',
}

/**
 * The rules for a new password. They check the form that is hashed (NFC), and nothing is trimmed. No rule demands kinds
 * of characters (ASVS 6.2.5) or a new password after some time (ASVS 6.2.10).
 */
export const createPolicy = ({ minLength, isCommon, isContextWord, isLeaked, refuseReused }: Deps) => {
  const rules = [longEnough(minLength), notTooLong, notCommon(isCommon)]
  return {
    /**
     * Starts the check of a new password. The look-up of leaked passwords starts at once, in parallel with the caller's
     * queries, unless a rule has refused the password already. Call it only after authentication: an attacker without
     * proof of identity must learn nothing about the policy (S14).
     */
    startCheck(password: string) {
      const text = password.normalize('NFC')
      const broken = rules.flatMap((rule) => rule(text) ?? [])
      const leaked = broken.length === 0 && isLeaked(text)
      return {
        /** Applies the rules that need no query and no hash. @throws RekeyError password_refused, with every reason */
        assertNotGuessable({ usernames }: Pick<Owner, 'usernames'>): void {
          const reasons = isContextWord(text, usernames) ? [...broken, contextWord] : broken
          if (reasons.length > 0) throw refusePassword(reasons)
        },
        /** Refuses leaked and former passwords. @throws RekeyError password_refused, unavailable */
        async assertNotLeakedOrReused(owner: FormerOwner): Promise<void> {
          if (await leaked) throw refusePassword([breached])
          await refuseReused(owner, text)
        },
      }
    },
  }
}

export type Policy = ReturnType<typeof createPolicy>
