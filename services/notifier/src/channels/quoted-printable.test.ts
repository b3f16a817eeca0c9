import fc from 'fast-check'
import t from 'tap'
import { toQuotedPrintable } from './quoted-printable.ts'

/** Decodes by the rules of RFC 2045 §6.7. */
const decode = (encoded: string): string =>
  Buffer.from(
    encoded
      .replaceAll('=\r\n', '')
      .replaceAll(/=([0-9A-F]{2})/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString()

const piece = fc.constantFrom(
  'a',
  'x'.repeat(80),
  ' ',
  '\t',
  '=',
  '.',
  '\n',
  '\r\n',
  '\r',
  'ж',
  '€',
  '😀',
  '\0',
  '~',
  '\x7f',
)
const text = fc.array(piece, { maxLength: 80 }).map((pieces) => pieces.join(''))

t.test('a text is decoded as it was encoded, with CRLF at the end of its lines', async (t) => {
  const holds = fc.property(text, (text) => {
    t.equal(decode(toQuotedPrintable(text)), text.replaceAll(/\r?\n/g, '\r\n'))
  })
  fc.assert(holds, { numRuns: 500 })
})

t.test('lines have at most 76 printable characters, no space at their end, and whole characters', async (t) => {
  const holds = fc.property(text, (text) => {
    for (const line of toQuotedPrintable(text).split('\r\n')) {
      t.match(line, /^[\t\x20-\x7e]{0,76}$/)
      t.notMatch(line, /[ \t]$/)
      t.notOk(decode(line.replace(/=$/, '')).includes('\ufffd'), line)
    }
  })
  fc.assert(holds, { numRuns: 500 })
})
