/** Longest line, without the equals sign of a soft line break. */
const longest = 75

const tab = 0x09
const lf = 0x0a
const cr = 0x0d
const space = 0x20
const equals = 0x3d
const tilde = 0x7e
const hexDigits = Buffer.from('0123456789ABCDEF')

/** Servers may remove whitespace at the end of a line. */
const isPlain = (byte: number, next: number | undefined): boolean =>
  byte === space || byte === tab
    ? next !== undefined && next !== lf && next !== cr
    : byte > space && byte <= tilde && byte !== equals

/** Bytes of the character that begins with this one; 0: it is a later byte of a character (RFC 3629 §3). */
const bytesOfCharacter = (first: number): number => {
  if (first < 0x80) return 1
  if (first < 0xc0) return 0
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

/**
 * Encodes a text as quoted-printable (RFC 2045 §6.7), in lines of at most 76 characters that end in CRLF. It goes through
 * the bytes once. The library's own encoder matches patterns with each line afterwards, which makes a tenth of the
 * notifier's garbage.
 */
export const toQuotedPrintable = (text: string): string => {
  const bytes = Buffer.from(text)
  // Three characters for each byte, and a soft line break after each 24 bytes at least.
  const output = Buffer.allocUnsafe(4 * bytes.length)
  let length = 0
  let column = 0
  const write = (character: number | undefined) => {
    output[length++] = character as number
  }
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number
    const next = bytes[index + 1]
    if (byte === cr && next === lf) continue
    if (byte === lf) {
      write(cr)
      write(lf)
      column = 0
      continue
    }
    const plain = isPlain(byte, next)
    // A character is not divided: some programs decode each line by itself.
    if (column + (plain ? 1 : 3 * bytesOfCharacter(byte)) > longest) {
      write(equals)
      write(cr)
      write(lf)
      column = 0
    }
    if (plain) write(byte)
    else {
      write(equals)
      write(hexDigits[byte >> 4])
      write(hexDigits[byte & 15])
    }
    column += plain ? 1 : 3
  }
  return output.toString('latin1', 0, length)
}
