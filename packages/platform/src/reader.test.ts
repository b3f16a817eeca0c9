import assert from 'node:assert/strict'
import { parseUsername, readCode, readers, restorePlus } from '@rekey/contracts'
import {
  digits,
  emails,
  one,
  phones,
  scripts,
  spelledCode,
  spelledEmail,
  spelledPhone,
} from '@rekey/test-support/spellings'
import fc from 'fast-check'
import t from 'tap'

t.test('every spelling of a phone number is read as the one number', (t) => {
  t.ok(scripts.length > 50, 'digits of many scripts')
  const spelled = phones.chain((phone) => fc.tuple(fc.constant(phone), spelledPhone(phone)))
  fc.assert(
    fc.property(spelled, ([{ value }, text]) => {
      assert.deepEqual(parseUsername(text), { kind: 'phone', value })
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('(0) stays a digit where the numbering plan has no trunk prefix', (t) => {
  t.equal(parseUsername('+39 (0)6 1234 5678').value, '+390612345678')
  t.equal(parseUsername('+39 06 1234 5678').value, '+390612345678')
  t.equal(parseUsername('+44 (0)20 7946 0000').value, '+442079460000')
  t.end()
})

t.test('a text that is no international number is not made one', (t) => {
  for (const text of [
    '7700900001',
    '07700900001',
    '+44 7700 900001 ext. 3',
    '+44,7700900001',
    '44+7700900001',
    '(0)',
    '+',
  ])
    t.equal(parseUsername(text).value, text, text)
  t.end()
})

t.test('every spelling of an e-mail address is read as the one address', (t) => {
  const spelled = emails
    .filter((email) => !/\p{M}/u.test(email))
    .chain((email) => fc.tuple(fc.constant(email), spelledEmail(email)))
  fc.assert(
    fc.property(spelled, ([value, text]) => {
      assert.deepEqual(parseUsername(text), { kind: 'email', value })
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('two addresses that the pattern accepts, and that differ by more than case and NFC, stay two', (t) => {
  fc.assert(
    fc.property(emails, emails, (one, other) => {
      const [first, second] = [parseUsername(one).value, parseUsername(other).value]
      assert.equal(first === second, one.toLowerCase() === other.toLowerCase())
    }),
    {
      numRuns: 2_000,
      examples: [
        ['ﬁ@a.b', 'fi@a.b'],
        ['٣@a.b', '3@a.b'],
        ['a‐b@a.b', 'a-b@a.b'],
        ['a+b@a.b', 'ab@a.b'],
      ],
    },
  )
  fc.assert(
    fc.property(phones, phones, (one, other) => {
      assert.equal(parseUsername(one.value).value === parseUsername(other.value).value, one.value === other.value)
    }),
  )
  t.end()
})

t.test('an address that was stored by an earlier version is read as itself', (t) => {
  for (const value of [
    'bpmtestusr1@gmail.com',
    '+447700900001',
    "o'brien@example.com",
    'ünï@bücher.example',
    '+a@b.example',
  ])
    t.equal(parseUsername(value).value, value)
  t.equal(parseUsername('+a@b.example').kind, 'email')
  t.end()
})

t.test('every reader accepts any text, and reading twice changes nothing', (t) => {
  const any = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: one([...'+0(4)7 @.-:', 'İ', 'Σ', '٣', '\u0323']) }),
  )
  for (const [name, read] of Object.entries(readers)) {
    fc.assert(
      fc.property(any, (text) => {
        assert.equal(read(read(text)), read(text), name)
      }),
      { numRuns: 500 },
    )
  }
  t.end()
})

t.test('a code is read with separators and in the digits of any script', (t) => {
  const codes = digits({ minLength: 6, maxLength: 12 })
  const spelled = codes.chain((value) => fc.record({ value: fc.constant(value), text: spelledCode(value) }))
  fc.assert(
    fc.property(spelled, ({ value, text }) => {
      assert.equal(readCode(text), value)
    }),
    { numRuns: 1_000 },
  )
  for (const text of ['seven', '12a456', '', '-', '1²3456']) t.equal(readCode(text), text)
  t.end()
})

t.test('an unencoded + is restored only where a space cannot stand', (t) => {
  t.equal(restorePlus(' 447700900001'), '+447700900001')
  t.equal(restorePlus('anna bank@example.com'), 'anna+bank@example.com')
  t.equal(restorePlus(' anna@example.com '), 'anna@example.com')
  t.equal(restorePlus('+447700900001'), '+447700900001')
  t.equal(restorePlus('07700 900001'), '07700 900001')
  t.end()
})

t.test('S31: a long text is read in less than a millisecond a kilobyte', (t) => {
  for (const text of [
    'a '.repeat(8_000),
    '1 '.repeat(8_000),
    '( '.repeat(8_000),
    '@'.repeat(16_000),
    `${' a'.repeat(8_000)}@`,
  ]) {
    for (const [name, read] of Object.entries(readers)) {
      const began = performance.now()
      read(text)
      t.ok(performance.now() - began < 1_000, name)
    }
  }
  t.end()
})
