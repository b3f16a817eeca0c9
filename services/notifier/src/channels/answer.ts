import { longestAnswer } from '@rekey/contracts'

/** What an answer must not repeat. */
export interface Private {
  /** The recipient's address or number. */
  to: string
  /** The texts of the message, which may contain a code or a password. */
  texts: readonly string[]
}

/** Reply code and enhanced status code at the start of a line (RFC 5321 §4.2, RFC 3463 §2). */
const codes = /^(\d{3})(?:[ -]+([245]\.\d{1,3}\.\d{1,3}))?(?=[ -]|$)[ -]*/

/** Text between quotation marks or brackets: servers put addresses, names and parts of the message there. */
const quoted = /"[^"]*("|$)|'[^' ][^']*'|`[^`]*(`|'|$)|<[^>]*(>|$)|\[[^\]]*(\]|$)|\{[^}]*(\}|$)/g
/** Five digits or more, also with separators: a phone number, a code, an account. */
const number = /\+?\d(?:[\s().\-/]*\d){4,}/g
const url = /\b(?:[a-z][a-z\d+.-]*:\/\/|www\.)\S*/gi

const escapeForRegExp = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The recipient's address, and the names that it consists of. */
const namesIn = (to: string): string[] => {
  const local = to.slice(0, to.lastIndexOf('@') + 1).replace('@', '')
  return [to, local, ...local.split(/[^\p{L}\p{N}]+/u).filter((part) => part.length > 2)].filter((name) => name !== '')
}

/** A text in which letters that the flags `iu` take for the same are the same. */
const fold = (text: string) => text.toLowerCase().toUpperCase()

/** A pattern of the names that the answer may repeat; undefined if it has none of them. To compile it takes longest. */
const namesPattern = (answer: string, to: string): RegExp | undefined => {
  const folded = fold(answer)
  const names = namesIn(to).filter((name) => folded.includes(fold(name)))
  if (names.length === 0) return undefined
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${names.map(escapeForRegExp).join('|')})(?![\\p{L}\\p{N}])`, 'giu')
}

/** True if a word says nothing of the recipient or the message: it has no @ and is no part of the texts but for a plain word. */
const isHarmless = (word: string, texts: readonly string[]): boolean => {
  const bare = word.replaceAll(/^[^A-Za-z\d]+|[^A-Za-z\d]+$/g, '')
  if (word.includes('@')) return false
  return bare.length < 4 || /^[A-Za-z]+$/.test(bare) || !texts.some((text) => text.includes(bare))
}

/**
 * Cleans the answer of a mail server or SMS vendor of personal details and of everything that the message may contain:
 * addresses, numbers, URLs, quoted text, the names in the recipient's address. Reply codes, enhanced status codes and the
 * other words stay.
 *
 * @returns printable ASCII of at most {@link longestAnswer} characters; may be empty
 */
export const cleanAnswer = (answer: string, { to, texts }: Private): string => {
  const names = namesPattern(answer, to)
  const cleanLine = (line: string) => {
    const [prefix = '', reply, status] = codes.exec(line) ?? []
    const words = line
      .slice(prefix.length)
      .replaceAll(quoted, ' ')
      .replaceAll(url, ' ')
      .replaceAll(names ?? /$^/g, ' ')
      .replaceAll(number, ' ')
      .replaceAll(/[^\x20-\x7E]+/g, ' ')
      .split(' ')
      .filter((word) => word !== '' && isHarmless(word, texts))
    return { codes: [reply, status].filter(Boolean).join(' '), words: words.join(' ') }
  }
  const lines = answer
    .slice(0, 10 * longestAnswer)
    .split(/[\r\n]+/)
    .map(cleanLine)
  // A reply of several lines repeats its codes in each (RFC 5321 §4.2.1).
  const text = lines.map((line, index) =>
    [line.codes === lines[index - 1]?.codes ? '' : line.codes, line.words].filter(Boolean).join(' '),
  )
  return text.filter(Boolean).join(' ').slice(0, longestAnswer).trim()
}
