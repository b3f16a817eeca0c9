import { canonicalAddress } from './client-address.ts'

// Readers of what people write: each returns the one spelling that is compared and stored, and returns a text that it
// cannot read unchanged, so that the schema's pattern refuses it. Reading twice changes nothing.

/** Longer than any address or code with its punctuation. A longer text is not read. */
const longest = 1_000

/** `\p{Cf}`: zero-width, bidirectional and other format characters, which no address contains (see `fields.ts`). */
const invisible = /\p{Cf}/gu

const isDigit = (codePoint: number) => /^\p{Nd}$/u.test(String.fromCodePoint(codePoint))

/** Unicode encodes the digits of a script from 0 to 9 without gaps (Unicode Standard §4.6). */
const toAsciiDigit = (digit: string): string => {
  const codePoint = digit.codePointAt(0) ?? 0
  let zero = codePoint
  while (isDigit(zero - 1)) zero -= 1
  return String((codePoint - zero) % 10)
}

const withAsciiDigits = (text: string): string => text.replace(/(?![0-9])\p{Nd}/gu, toAsciiDigit)

/** Characters that separate the digits of a number or code, or surround it, and mean nothing. */
const separators =
  /[\s\p{Z}\p{Pd}\u2212\u2043.\uFF0E\uFF61\u3002\u00B7\u2022\u2024\u2027\u2219\u30FB/\uFF0F\u2044\u2215]/gu
const ignorable = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu

/** The digits of a confirmation code, which may have separators and be of any script. */
export const readCode = (text: string): string => {
  if (/^\d*$/.test(text) || text.length > longest) return text
  const digits = withAsciiDigits(text.replace(ignorable, '').replace(separators, ''))
  return /^\d+$/.test(digits) ? digits : text
}

/** A code of digits, or a recovery code without its separators. */
export const readProofCode = (text: string): string => {
  const code = readCode(text)
  return /^\d*$/.test(code) || text.length > longest ? code : text.replace(ignorable, '').replace(separators, '')
}

/** Country codes whose national numbers keep their first zero, also for calls from abroad (ITU-T E.164 numbering plans). */
const keepsZero = new Set(['39', '378', '225', '241', '242'])

/** `(0)` after a country code is the trunk prefix of calls within the country. */
const withoutTrunkPrefix = (text: string): string =>
  text.replace(/^(\(?(?:\+|00)\(?)(\d{1,3})(\)?)\(0\)/, (all, before, country, after) =>
    keepsZero.has(country) ? all : `${before}${country}${after}`,
  )

/** E.164 with `+`: `tel:+44 (0)7700 900-001` and `00447700900001` are `+447700900001`. */
const readPhone = (text: string): string => {
  const characters = withAsciiDigits(text.replace(ignorable, ''))
    .trim()
    .replace(/^tel:/i, '')
    .replace(separators, '')
    .replaceAll(/[\uFF0B\uFE62\u207A\u2795]/gu, '+')
    .replaceAll(/[\p{Ps}]/gu, '(')
    .replaceAll(/[\p{Pe}]/gu, ')')
  const phone = withoutTrunkPrefix(characters).replaceAll(/[()]/g, '').replace(/^00/, '+')
  return /^\+\d+$/.test(phone) ? phone : text
}

const fold = (text: string, form: 'NFC' | 'NFKC'): string => text.normalize(form).toLowerCase().normalize(form)

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The address of a `mailto:` URI (RFC 6068 §2). */
const withoutMailto = (text: string): string =>
  /^mailto:/i.test(text) ? decoded(text.slice('mailto:'.length).split('?')[0] ?? '') : text

/**
 * The local part keeps its own characters, apart from case and NFC (RFC 6532 §3.1 advises against NFKC): no common mail
 * host distinguishes `A@x` from `a@x`, and phones capitalise the first letter. A domain is compared as IDNA maps it
 * (UTS #46): NFKC, lower case, one full stop, nothing ignorable. Its A-label and U-label stay two addresses.
 */
const readEmail = (text: string): string => {
  const address = withoutMailto(text.replace(invisible, '').trim()).trim()
  const at = address.lastIndexOf('@')
  const domain = address
    .slice(at + 1)
    .replace(ignorable, '')
    .replaceAll(/[\u3002\uFF0E\uFF61]/g, '.')
    .trim()
  return `${fold(address.slice(0, at), 'NFC')}@${fold(domain, 'NFKC')}`
}

/** An address without a plain `@` may have a full-width or small one. */
const withPlainAt = (text: string): string => (text.includes('@') ? text : text.replace(/[\uFF20\uFE6B]/, '@'))

/** An e-mail address or phone number in its one spelling. */
export const readUsername = (text: string): string => {
  if (/^(\+\d+|[a-z\d._+-]+@[a-z\d.-]+)$/.test(text) || text.length > longest) return text
  const address = withPlainAt(text)
  return address.includes('@') ? readEmail(address) : readPhone(text)
}

/**
 * Restores a `+` that was not percent-encoded in a query or form, where it arrives as a space: before a phone number, or
 * between two characters of a local part, where no space can stand.
 */
export const restorePlus = (text: string): string => {
  if (text.length > longest) return text
  return withPlainAt(text).includes('@')
    ? text
        .replace(invisible, '')
        .trim()
        .replaceAll(/(?<=[^\s@]) (?=[^\s@]+( [^\s@]+)*@)/g, '+')
    : text.replace(/^ +(?=\p{Nd})/u, '+')
}

/** Hours from GMT, with a plain sign and digits. */
const readOffset = (text: string): string => {
  if (text.length > longest) return text
  return withAsciiDigits(text.replace(ignorable, ''))
    .trim()
    .replace(/^[\p{Pd}\u2212]/u, '-')
    .replace(/^[\uFF0B\uFE62]/, '+')
}

const readIp = (text: string): string => canonicalAddress(text) ?? text

/** By the value of the schema keyword `x-reads`: a field with it is replaced by what its reader returns, then validated. */
export const readers = {
  username: readUsername,
  usernameInQuery: (text: string): string => readUsername(restorePlus(text)),
  code: readCode,
  proofCode: readProofCode,
  offset: readOffset,
  ip: readIp,
} satisfies Record<string, (text: string) => string>

/** The option of a schema whose field is read. */
export const reads = (reader: keyof typeof readers) => ({ 'x-reads': reader })
