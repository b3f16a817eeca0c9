import { type FieldError, RekeyError } from '@rekey/contracts'

interface Options {
  /** Code points. */
  minLength: number
}

/** What a password does wrong, if it does. */
type Rule = (password: string, options: Options) => Omit<FieldError, 'field'> | undefined

/** Code points: what a person counts as characters, near enough (NIST SP 800-63B-4 §3.1.1.2). */
const length = (password: string) => Array.from(password).length

/** Longer is refused, never cut (ASVS 6.2.8, 6.2.9). */
const maxLength = 128

/** ASVS 6.2.1; NIST SP 800-63B-4 §3.1.1.2. */
const longEnough: Rule = (password, { minLength }) =>
  length(password) < minLength
    ? { code: 'too_short', message: `must have at least ${minLength} characters` }
    : undefined

/** ASVS 6.2.9: at least 64 must be allowed. */
const notTooLong: Rule = (password) =>
  length(password) > maxLength ? { code: 'too_long', message: `must have at most ${maxLength} characters` } : undefined

/** No rule asks for kinds of characters (ASVS 6.2.5) or for a new password after some time (ASVS 6.2.10). */
const rules: Rule[] = [longEnough, notTooLong]

/** Tells every reason, in words that end a sentence about the password. */
export const refusePassword = (reasons: Omit<FieldError, 'field'>[]): RekeyError =>
  new RekeyError('password_refused', {
    detail: `The password ${reasons.map(({ message }) => message).join('; ')}.`,
    fields: reasons.map((reason) => ({ field: 'password', ...reason })),
  })

export interface Policy {
  /** @throws RekeyError password_refused, with every reason */
  enforce(password: string): void
}

/** What a new password must be. Judged in the form that is hashed (NFC); nothing is trimmed. */
export const createPolicy = (options: Options): Policy => ({
  enforce(password) {
    const text = password.normalize('NFC')
    const reasons = rules.flatMap((rule) => rule(text, options) ?? [])
    if (reasons.length > 0) throw refusePassword(reasons)
  },
})
