import { fold } from './fold.ts'

/** By what the service and its customers are known. */
interface Context {
  /** The platform's name. */
  brand: string
  /** Where customers reach it. */
  publicUrl: string
}

const separators = /[^\p{L}\p{M}\p{N}]+/u
const letter = /\p{L}/u
const trailingDigits = /\p{N}+$/u

/** A word that is shorter says too little about whose it is. */
const shortestWord = 3

/** A phone number is written with country code, with a zero instead, or with neither: its end is always the same. */
const phoneEnd = 8

/** A name as one word and each of its parts, with the digits at their ends and without: john.smith99, john, smith99, smith. */
const wordsOf = (name: string): string[] => {
  const parts = fold(name).split(separators)
  return [parts.join(''), ...parts]
    .flatMap((part) => [part, part.replace(trailingDigits, '')])
    .filter((word) => word.length >= shortestWord && letter.test(word))
}

const wordsOfUsername = (username: string): string[] =>
  username.includes('@') ? wordsOf(username) : [username.replaceAll(/\D/g, '').slice(-phoneEnd)]

/**
 * Whether a password is made of nothing but words about this service (its name, its host) and this person (mail address,
 * phone number), and digits, spaces and punctuation anywhere around them: `Rekey2026!`, `john.smith1990`.
 *
 * A decision, since the sources differ. ASVS 6.2.11 wants passwords refused that are made from a documented list of such
 * words. NIST SP 800-63B-4 §3.1.1.2 wants the name of the service, the user name and what derives from them on the
 * blocklist, but compared with the whole password and not with words within it: a passphrase that mentions the bank is a
 * good one. So a word alone is refused, also with what people add to please a rule or to count; with any other letter
 * beside it, it is not.
 */
export const createContextWords = ({ brand, publicUrl }: Context) => {
  const ours = [...wordsOf(brand), ...wordsOf(new URL(publicUrl).hostname)]
  return (password: string, usernames: readonly string[]): boolean => {
    const words = [...ours, ...usernames.flatMap(wordsOfUsername)].sort((one, other) => other.length - one.length)
    const text = fold(password).replaceAll(new RegExp(separators, 'gu'), '')
    const rest = words.reduce((left, word) => left.replaceAll(word, ' '), text)
    return rest !== text && !letter.test(rest)
  }
}
