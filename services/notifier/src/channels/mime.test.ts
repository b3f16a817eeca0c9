import { languages } from '@rekey/texts'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import MailComposer from 'nodemailer/lib/mail-composer'
import t from 'tap'
import { presentationOf, samples, usual } from '../messages/samples.fixture.ts'
import { encodeMail, type Mail, readSender } from './mime.ts'

const header = {
  from: readSender('Rekey <no-reply@rekey.test>'),
  to: 'anna.schmidt@example.com',
  messageId: 'f0000000-0000-4000-8000-000000000000.1@rekey.test',
  date: new Date('2026-11-26T09:30:00Z'),
}

/** What a reader sees of a mail. */
const readBack = async (raw: Buffer) => {
  const { from, to, subject, messageId, date, text, html, attachments, headers } = await simpleParser(raw, {
    skipImageLinks: true,
    skipTextToHtml: true,
  })
  return {
    from: from?.value,
    to: to && 'value' in to ? to.value : to,
    subject,
    messageId,
    date,
    text,
    html,
    autoSubmitted: headers.get('auto-submitted'),
    suppressed: headers.get('x-auto-response-suppress'),
    attachments: attachments.map(({ cid, filename, contentType, content, contentDisposition, related }) => {
      return { cid, filename, contentType, content, contentDisposition, related }
    }),
  }
}

/** The same mail by the composer of the library. */
const compose = (from: string, to: string, mail: Mail) =>
  new MailComposer({
    ...mail,
    from,
    to: { name: '', address: to },
    messageId: `<${header.messageId}>`,
    date: header.date,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  })
    .compile()
    .build()

/** Letters of several scripts, line ends, and what the encodings give a meaning. */
const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    '7',
    ' ',
    '  ',
    '\t',
    '.',
    '\n',
    '\n.\n',
    '\nFrom ',
    '=',
    '=3D',
    '=_rekey.alternative',
    '--',
    '"',
    '<b>',
  ],
  ...[
    'ä',
    'ß',
    'ñ',
    'д',
    'ш',
    '€',
    '漢',
    '😀',
    'é',
    '\u2068',
    '\u00a0',
    '?',
    '=?UTF-8?Q?=',
    'x'.repeat(90),
    'ж'.repeat(30),
  ],
)
const content = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''))
const words = fc
  .array(
    fc.constantFrom(
      'Rekey:',
      'your',
      'code',
      'Код',
      'для',
      'входа',
      'Straße',
      '€',
      'x'.repeat(60),
      'ж'.repeat(40),
      '😀',
      '(a)',
      '"q"',
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((all) => all.join(' '))
const image = fc.record({
  cid: fc.constant('logo@rekey'),
  filename: fc.constantFrom('logo.png', 'bank logo.png', 'логотип.png'),
  contentType: fc.constantFrom('image/png', 'image/jpeg', 'image/gif'),
  content: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
})
const anyMail: fc.Arbitrary<Mail> = fc
  .record({ subject: words, text: content, html: content, attachments: fc.array(image, { maxLength: 1 }) })
  .map(({ text, html, ...more }) => ({ text: `${text}x\n`, html: `<p>${html}</p>\n`, ...more }))
const sender = fc.constantFrom(
  'no-reply@rekey.test',
  'Rekey <no-reply@rekey.test>',
  'Bank, Ltd. <no-reply@rekey.test>',
  'Bänk AG <no-reply@bücher.example>',
  '"Bank (UK)" <no-reply@rekey.test>',
  'Банк ООО и партнёры города Москвы <no-reply@rekey.test>',
)
const recipient = fc.constantFrom(
  'anna.schmidt@example.com',
  "o'neil+tag@xn--bcher-kva.example",
  'zoë@example.com',
  '{a|b}@example.com',
)

t.test('a mail is read as the same mail of the library’s composer', async (t) => {
  const holds = fc.asyncProperty(anyMail, sender, recipient, async (mail, from, to) => {
    const ours = encodeMail({ ...header, from: readSender(from), to }, mail)
    t.same(await readBack(ours), await readBack(await compose(from, to, mail)))
  })
  await fc.assert(holds, { numRuns: 150 })
})

t.test('a mail has lines of at most 76 characters, ended by CRLF, of ASCII', async (t) => {
  const holds = fc.property(anyMail, (mail) => {
    const raw = encodeMail(header, mail).toString('latin1')
    const isAscii = /^[\t\r\n\x20-\x7e]*$/.test(raw)
    const body = raw.slice(raw.indexOf('\r\n\r\n')).split('\r\n')
    return isAscii && !/[^\r]\n|\r[^\n]/.test(raw) && body.every((line) => line.length <= 76)
  })
  t.doesNotThrow(() => fc.assert(holds))
})

t.test('each message of each language is read back as it was composed', async (t) => {
  for (const language of languages) {
    for (const [name, composeSample] of samples) {
      const { mail } = composeSample(presentationOf(usual, language), usual)
      const { subject, text, html } = await readBack(encodeMail(header, mail))
      t.same(
        { subject, text, html },
        { subject: mail.subject, text: mail.text, html: mail.html },
        `${language} ${name}`,
      )
    }
  }
})
