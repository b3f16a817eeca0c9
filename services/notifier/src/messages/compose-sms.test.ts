import fc from 'fast-check'
import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { composeSms, ifFree, measureSms, type SmsLine, withinTwo } from './compose-sms.ts'

t.test('the length is counted in septets of GSM-7, or in characters of UCS-2', async (t) => {
  const rows: [text: string, encoding: string, length: number, segments: number][] = [
    ['a'.repeat(160), 'GSM-7', 160, 1],
    ['a'.repeat(161), 'GSM-7', 161, 2],
    ['a'.repeat(306), 'GSM-7', 306, 2],
    ['a'.repeat(307), 'GSM-7', 307, 3],
    ['€'.repeat(80), 'GSM-7', 160, 1],
    [`${'€'.repeat(80)}a`, 'GSM-7', 161, 2],
    ['ñüäß¿Ñ@#_'.repeat(10), 'GSM-7', 90, 1],
    ['ó', 'UCS-2', 1, 1],
    ['я'.repeat(70), 'UCS-2', 70, 1],
    ['я'.repeat(71), 'UCS-2', 71, 2],
    ['я'.repeat(134), 'UCS-2', 134, 2],
    ['я'.repeat(135), 'UCS-2', 135, 3],
  ]
  for (const [text, encoding, length, segments] of rows) {
    t.match(measureSms(text), { encoding, length, segments }, `${text.length} of ${text[0]}`)
  }
})

t.test('length and segments are those of another implementation', async () => {
  const gsm = 'aZ9@_ñ¿€{}[]~^|\\'
  const anySms = fc
    .constantFrom(gsm, `${gsm}яó漢🔑`)
    .chain((characters) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 400 }))
  fc.assert(
    fc.property(anySms, (text) => {
      const other = new SegmentedMessage(text)
      const { encoding, length, segments } = measureSms(text)
      const bits = length * (encoding === 'GSM-7' ? 7 : 16)
      return (
        encoding === other.encodingName && bits === other.messageSize && segments === Math.max(1, other.segmentsCount)
      )
    }),
    { numRuns: 60 },
  )
})

const text = fc.string({ unit: fc.constantFrom('a', ' ', '€', 'я', '1'), maxLength: 120 })
const optional = fc.oneof(text.map(withinTwo), text.map(ifFree))
const lines = fc.array(fc.oneof(text, optional), { minLength: 1, maxLength: 6 })

t.test('an SMS has every required line in order, and optional ones cost no third segment', async () => {
  fc.assert(
    fc.property(lines, (lines: SmsLine[]) => {
      const required = lines.filter((line) => typeof line === 'string')
      const sms = composeSms(lines)
      const isInOrder = (rest: string[], found: string[]): boolean => {
        const [first, ...others] = rest
        if (first === undefined) return true
        const index = found.indexOf(first)
        return index >= 0 && isInOrder(others, found.slice(index + 1))
      }
      const allowed = Math.max(2, measureSms(required.join('\n')).segments)
      return isInOrder(required, sms.split('\n')) && measureSms(sms).segments <= allowed
    }),
  )
})

t.test('a line that must be free costs no segment', async (t) => {
  t.equal(composeSms(['a'.repeat(150), ifFree('b'.repeat(9))]), `${'a'.repeat(150)}\n${'b'.repeat(9)}`)
  t.equal(composeSms(['a'.repeat(150), ifFree('b'.repeat(10))]), 'a'.repeat(150))
  t.equal(composeSms(['a'.repeat(161), ifFree('b'.repeat(144))]), `${'a'.repeat(161)}\n${'b'.repeat(144)}`)
  t.equal(composeSms(['a'.repeat(100), ifFree('я')]), 'a'.repeat(100), 'a character that changes the encoding')
})
