import { longestAnswer } from '@rekey/contracts'
import fc from 'fast-check'
import t from 'tap'
import { cleanAnswer } from './answer.ts'

const about = {
  to: 'anna.schmidt@example.com',
  texts: ['Your code: 048213. Link: https://bank.example/not-me?token=aB3xY9'],
}

t.test('the codes and the words of an answer stay', async (t) => {
  const kept = {
    '550 5.1.1 <anna.schmidt@example.com>: Recipient address rejected: User unknown in virtual mailbox table':
      '550 5.1.1 : Recipient address rejected: User unknown in virtual mailbox table',
    '250 2.0.0 Ok: queued as 4F2A1B9C': '250 2.0.0 Ok: queued as 4F2A1B9C',
    '451 4.7.1 Greylisted, please try again in 300 seconds': '451 4.7.1 Greylisted, please try again in 300 seconds',
    '550-5.1.1 The email account that you tried to reach does not exist.\r\n550-5.1.1 Please try\r\n550 5.1.1 double-checking':
      '550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking',
    '552 5.2.2 Mailbox of Anna Schmidt is full (see https://help.example/quota?u=anna)':
      '552 5.2.2 Mailbox of is full (see',
    '554 5.7.1 Message rejected: "Your code: 048213"': '554 5.7.1 Message rejected:',
    'invalid_number +44 7700 900001': 'invalid_number',
    '421': '421',
    '': '',
  }
  for (const [answer, expected] of Object.entries(kept)) t.equal(cleanAnswer(answer, about), expected, answer)
})

const word = fc.stringMatching(/^[a-z]{3,8}$/)
const local = fc.tuple(word, fc.constantFrom('.', '_', '-', '+'), word).map(([one, separator, two]) => ({
  text: `${one}${separator}${two}`,
  parts: [one, two],
}))
const digits = (least: number, most: number) => fc.stringMatching(new RegExp(`^[0-9]{${least},${most}}$`))
const separated = fc.tuple(digits(5, 13), fc.constantFrom('', ' ', '-', '.', '/')).map(([number, separator]) => ({
  digits: number,
  text: number.match(/\d{1,3}/g)?.join(separator) ?? number,
}))
const secret = fc.stringMatching(/^[a-km-z2-9]{16}$/).filter((text) => /\d/.test(text))
const ownWords = ['mailbox', 'full', 'user', 'call', 'now', 'code', 'password', 'rejected', 'said']

/** An answer that repeats details of a message, and those details. */
const leaking = fc
  .record({
    name: local,
    phone: separated,
    code: digits(6, 12),
    password: secret,
    isUpper: fc.boolean(),
    order: fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }),
  })
  .map(({ name, phone, code, password, isUpper, order }) => {
    const to = `${name.text}@example.com`
    const spelled = (text: string) => (isUpper ? text.toUpperCase() : text)
    const pieces = [
      spelled(to),
      `mailbox ${spelled(name.text)} full`,
      `user ${spelled(name.parts[0] ?? '')}`,
      `call ${phone.text} now`,
      `code ${code}`,
      `password ${password}.`,
      `"${password} said ${to}`,
    ]
    const answer = `550 5.1.1 ${order.map((index) => pieces[index]).join(' rejected ')}`
    const names = name.parts.filter((part) => !ownWords.includes(part))
    return { answer, to, names, secrets: [code, password], texts: [`Your code is ${code}, your password ${password}`] }
  })

t.test('S9, S35: no address, name, number, code or password of a message is left in an answer', async (t) => {
  const holds = fc.property(leaking, ({ answer, to, names, secrets, texts }) => {
    const left = cleanAnswer(answer, { to, texts }).toLowerCase()
    const words = left.split(/[^a-z\d]+/)
    const numbers = left.replace('550 5.1.1', '').replaceAll(/[ .\-/]/g, '')
    return (
      left.startsWith('550 5.1.1') &&
      !left.includes('@') &&
      !names.some((name) => words.includes(name)) &&
      !secrets.some((secret) => left.includes(secret)) &&
      !/\d{5}/.test(numbers)
    )
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 2_000 }))
})

const anyText = (maxLength: number) => fc.string({ unit: 'binary', maxLength })

t.test('an answer of any bytes becomes printable ASCII of limited length', async (t) => {
  const holds = fc.property(anyText(3_000), anyText(80), (answer, to) => {
    const cleaned = cleanAnswer(answer, { to, texts: [answer.slice(0, 100)] })
    return cleaned.length <= longestAnswer && /^[\x20-\x7E]*$/.test(cleaned)
  })
  t.doesNotThrow(() => fc.assert(holds))
  // A pattern that such input makes slow would end this file by its time-out.
  const slow = ['1 ', '"', '<', "'a", 'www.', '1.1.', '[{'].map((text) => text.repeat(5_000))
  for (const text of slow) t.ok(cleanAnswer(text, { to: `${'a.'.repeat(100)}@b.com`, texts: [text] }).length < 201)
})

t.test('S9: a name is removed in every spelling that differs by case alone', async (t) => {
  const letter = fc.constantFrom(
    's',
    'ſ',
    'K',
    'k',
    '\u212a',
    'ß',
    'ẞ',
    'σ',
    'ς',
    'é',
    'ǆ',
    'ǅ',
    'i',
    'I',
    'Å',
    '\u212b',
  )
  const other: Record<string, string> = {
    s: 'ſ',
    ſ: 'S',
    K: '\u212a',
    '\u212a': 'k',
    ß: 'ẞ',
    ς: 'Σ',
    ǆ: 'Ǆ',
    Å: '\u212b',
  }
  const name = fc.array(letter, { minLength: 3, maxLength: 4 })
  const holds = fc.property(name, fc.boolean(), (letters, isUpper) => {
    const local = letters.join('')
    const spelled = letters.map((one) => other[one] ?? (isUpper ? one.toUpperCase() : one)).join('')
    const isSame = new RegExp(`^${local}$`, 'iu').test(spelled)
    const about = { to: `${local}@example.com`, texts: [] }
    return !isSame || cleanAnswer(`550 ${spelled} ok`, about) === '550 ok'
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 2_000 }))
})
