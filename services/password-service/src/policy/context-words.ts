import { fold } from './fold.ts'

interface Context {
  /** The platform's name. */
  brand: string
  /** Origin of the gateway; its host name is split into words. */
  publicUrl: string
}

const separators = /[^\p{L}\p{M}\p{N}]+/u
const letter = /\p{L}/u
const trailingDigits = /\p{N}+$/u

/** Shorter words are ignored: they occur in unrelated passwords. */
const leastWordLength = 3

/** A phone number is compared by its last digits: people write it with a country code, a zero, or neither. */
const phoneEndDigits = 8

/** The name as one word and each of its parts, with and without trailing digits: johnsmith99, john, smith99, smith. */
const wordsOf = (name: string): string[] => {
  const parts = fold(name).split(separators)
  return [parts.join(''), ...parts]
    .flatMap((part) => [part, part.replace(trailingDigits, '')])
    .filter((word) => word.length >= leastWordLength && letter.test(word))
}

const wordsOfUsername = (username: string): string[] =>
  username.includes('@') ? wordsOf(username) : [username.replaceAll(/\D/g, '').slice(-phoneEndDigits)]

/**
 * True if a password consists only of words about this service (its name, its host) and this customer (mail address,
 * phone number), with digits, spaces and punctuation around them: `Rekey2026!`, `john.smith1990`.
 *
 * The sources differ. ASVS 6.2.11 refuses passwords made from a documented list of such words. NIST SP 800-63B-4
 * §3.1.1.2 puts the name of the service, the username and their derivatives on the blocklist, but compares the whole
 * password: a passphrase that mentions the bank is a good one. Decision: such words alone are refused, also with added
 * digits and punctuation; with any other letter the password is accepted.
 */
export const createContextWords = ({ brand, publicUrl }: Context) => {
  const serviceWords = [...wordsOf(brand), ...wordsOf(new URL(publicUrl).hostname)]
  return (password: string, usernames: readonly string[]): boolean => {
    const words = [...serviceWords, ...usernames.flatMap(wordsOfUsername)].sort(
      (one, other) => other.length - one.length,
    )
    const text = fold(password).replaceAll(new RegExp(separators, 'gu'), '')
    const rest = words.reduce((left, word) => left.replaceAll(word, ' '), text)
    return rest !== text && !letter.test(rest)
  }
}
