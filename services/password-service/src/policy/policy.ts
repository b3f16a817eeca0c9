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

/** Whose password it is to be. */
export interface Owner extends FormerOwner {
  /** Mail addresses and phone numbers. */
  usernames: readonly string[]
}

/** What a password does wrong, if it does. */
type Rule = (password: string) => Reason | undefined

/** A new password on trial. */
export interface Candidate {
  /** What costs nothing to know. @throws RekeyError password_refused, with every reason */
  refuseGuessable(owner: Pick<Owner, 'usernames'>): void
  /** What others know, or the account has seen before. @throws RekeyError password_refused, unavailable */
  refuseKnown(owner: FormerOwner): Promise<void>
}

export interface Policy {
  /**
   * Begins to judge. Whether it was leaked is asked at once, unless it is out of the question anyway: the answer comes
   * while its caller looks for the owner. Only who has proven who they are may begin, and learn anything of it (S14).
   */
  judge(password: string): Candidate
}

/** Code points: what a person counts as characters, near enough (NIST SP 800-63B-4 §3.1.1.2). */
const length = (password: string) => Array.from(password).length

/** Of a password that is the only factor (NIST SP 800-63B-4 §3.1.1.2). */
export const minLengthWithoutMfa = 15

/** Longer is refused, never cut (ASVS 6.2.8, 6.2.9). */
const maxLength = 128

/** ASVS 6.2.1; NIST SP 800-63B-4 §3.1.1.2. */
const longEnough =
  (minLength: number): Rule =>
  (password) =>
    length(password) < minLength
      ? { code: 'too_short', message: `must have at least ${minLength} characters` }
      : undefined

/** ASVS 6.2.9: at least 64 must be allowed. */
const notTooLong: Rule = (password) =>
  length(password) > maxLength ? { code: 'too_long', message: `must have at most ${maxLength} characters` } : undefined

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
 * What a new password must be. Judged in the form that is hashed (NFC); nothing is trimmed. No rule asks for kinds of
 * characters (ASVS 6.2.5) or for a new password after some time (ASVS 6.2.10).
 */
export const createPolicy = ({ minLength, isCommon, isContextWord, isLeaked, refuseReused }: Deps): Policy => {
  const rules = [longEnough(minLength), notTooLong, notCommon(isCommon)]
  return {
    judge(password) {
      const text = password.normalize('NFC')
      const faults = rules.flatMap((rule) => rule(text) ?? [])
      const leaked = faults.length === 0 && isLeaked(text)
      return {
        refuseGuessable({ usernames }) {
          const reasons = isContextWord(text, usernames) ? [...faults, contextWord] : faults
          if (reasons.length > 0) throw refusePassword(reasons)
        },
        async refuseKnown(owner) {
          if (await leaked) throw refusePassword([breached])
          await refuseReused(owner, text)
        },
      }
    },
  }
}
