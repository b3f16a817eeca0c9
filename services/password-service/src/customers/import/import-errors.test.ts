import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CustomersUpsert } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import t from 'tap'
import { confirmed, ndjson, newCode, newEmail, type Options, startImports } from './import.fixture.ts'
import { openSource } from './source.ts'

const { service, dir, importText, customerOf } = await startImports(t)
const { query } = service

t.test('an import error has line, field and reason, no secret, and does not stop the import', async (t) => {
  const [first, last, taken, mine] = [newCode(), newCode(), `bob1@${systemRandom.id()}.example.com`, newEmail()]
  await callRpc(service.broker, CustomersUpsert, { customer: newCode(), identifiers: [confirmed(taken)] })
  const secret = '$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA'
  const content = Buffer.concat([
    Buffer.from(
      `${JSON.stringify({ customer: first })}\n\n{"customer":\n[]\n"text"\n{}\n{"customer":"a","customer":"b"}\n{"__proto__":{},"customer":"a"}\n`,
    ),
    Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
    Buffer.from(`{"customer":"${'x'.repeat(70_000)}"}\n`),
    Buffer.from(
      ndjson(
        { customer: 'EN1', identifiers: [confirmed(mine), confirmed(taken)] },
        { customer: 'EN2', identifiers: [confirmed(mine.toUpperCase()), confirmed(mine)] },
        { customer: 'EN3', passwordHash: secret },
        { customer: 'EN4', passwordHash: 'correct horse' },
        { customer: 'EN5', locale: 'zz', timezone: 'Mars/Base', identifiers: [{ value: 'no address' }] },
        { customer: 'EN6', locale: 'zz', timezone: 'Mars/Base' },
        { customer: last },
      ).trimEnd(),
    ),
  ])
  const { errors, errorsText, reasons, errorsPath, ...counts } = await importText(content)
  t.match(counts, { finished: true, records: 16, imported: 2, refused: 14 })
  t.ok((await customerOf(first)) && (await customerOf(last)))
  t.equal(await customerOf('EN1'), undefined)
  t.match(
    errors.map(({ line, customer, reasons }) => [
      line,
      customer,
      ...reasons.map(({ field, code }) => `${field} ${code}`),
    ]),
    [
      [3, undefined, ' not_json'],
      [4, undefined, ' wrong_type'],
      [5, undefined, ' wrong_type'],
      [6, undefined, 'customer missing'],
      [7, undefined, 'customer duplicate'],
      [8, undefined, ' not_json'],
      [9, undefined, ' invalid_utf8'],
      [10, undefined, ' too_long'],
      [11, 'EN1', 'identifiers/1/value identifier_taken'],
      [12, 'EN2', 'identifiers/1/value duplicate'],
      [13, 'EN3', 'passwordHash too_costly'],
      [14, 'EN4', 'passwordHash malformed'],
      [15, 'EN5', 'identifiers/0/verified missing', 'identifiers/0/value malformed'],
      [16, 'EN6', 'locale unknown_locale', 'timezone unknown_timezone'],
    ],
  )
  t.match(errors[8]?.reasons[0]?.address, /^b\*1@/, 'an address is masked')
  for (const secretText of [secret, 'AAAAAAAA', 'correct horse', taken, mine])
    t.notOk(errorsText.includes(secretText), secretText)
  t.equal(statSync(errorsPath).mode & 0o777, 0o600)
  t.equal(reasons['identifiers/value identifier_taken'], 1)
  t.equal(reasons.not_json, 2)
})

t.test('CSV: an import error names the column, and an unclosed quote breaks one line only', async (t) => {
  const [first, last] = [newCode(), newCode()]
  const taken = newEmail()
  await callRpc(service.broker, CustomersUpsert, { customer: newCode(), identifiers: [confirmed(taken)] })
  const csv = [
    'customer,email,phone,password_hash',
    `${first},,,`,
    `EN1,"${newEmail()},,`,
    'EN2,,',
    'EN3,,,,',
    `EN4,${newEmail()};${taken},+447700900203,`,
    'EN5,,0700,',
    'EN6,,,secret-hash',
    `,${newEmail()},,`,
    `${last},,,`,
  ].join('\n')
  const { errors, errorsText, ...counts } = await importText(csv, { format: 'csv' })
  t.match(counts, { records: 9, imported: 2, refused: 7 })
  t.ok((await customerOf(first)) && (await customerOf(last)))
  t.match(
    errors.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
    [
      [3, ' not_csv'],
      [4, ' wrong_columns'],
      [5, ' wrong_columns'],
      [6, 'email identifier_taken'],
      [7, 'phone malformed'],
      [8, 'password_hash unknown_form'],
      [9, 'customer missing'],
    ],
  )
  t.notOk(errorsText.includes('secret-hash'))
})

t.test('an unusable file is refused with the reason, and without its content', async (t) => {
  mkdirSync(join(dir, 'folder'))
  await t.rejects(openSource(join(dir, 'missing'), 'csv'), { message: /cannot be read: there is no such file\./ })
  await t.rejects(openSource(join(dir, 'folder'), 'csv'), { message: /cannot be read: it is a directory\./ })
  await t.rejects(openSource('/dev/null', 'csv'), { message: /cannot be read: it is not a regular file\./ })
  const header = 'customer,locale,timezone,email,phone,password_hash'
  const csv = { format: 'csv' } as const
  const unusable: [what: string, content: string | Buffer, options: Options, reason: RegExp][] = [
    ['empty', '', {}, /is empty\./],
    ['blank', '\n \n\r\n', {}, /The file contains no customers\./],
    ['only a header', `${header}\n`, csv, /The file contains no customers\./],
    [
      'no header',
      'EN00000CY,en-GB,UTC,b@example.com,,$2b$10$secret\n',
      csv,
      /Unknown column: .*The first line must name/,
    ],
    ['a wrong column', 'customer,e-mail\nX,x@example.com\n', csv, /Unknown column: "e-mail"\./],
    ['no column customer', 'locale\nen-GB\n', csv, /The column customer is missing\./],
    ['a column twice', 'customer,locale,locale\nX,,\n', csv, /The column locale is given more than once\./],
    ['email without phone', 'customer,email\nX,x@example.com\n', csv, /The columns email and phone are both required/],
    ['semicolons', 'customer;locale\nX;en\n', csv, /Unknown column: /],
    ['a quote in the header', 'customer,"locale\nX,en-GB\n', csv, /The header is not valid CSV\./],
    ['a header that is not UTF-8', Buffer.from([0x63, 0xff, 0x0a]), csv, /The header cannot be read\./],
    ['a header too long', 'x'.repeat(100_000), csv, /The header cannot be read\./],
    ['UTF-16', Buffer.from(`\ufeff${header}\n`, 'utf16le'), csv, /is UTF-16\. Save it as UTF-8\./],
    ['compressed', Buffer.from([0x1f, 0x8b, 8, 0]), {}, /is compressed\. Unpack it first\./],
    ['a spreadsheet', 'PK\u0003\u0004', csv, /is a ZIP archive or a spreadsheet\. Save it as CSV\./],
  ]
  const before = await query('SELECT 1 FROM customer_import')
  for (const [what, content, options, reason] of unusable) {
    const message = await importText(content, options).then(
      () => 'none',
      (error: Error) => error.message,
    )
    t.match(message, reason, what)
    t.notMatch(message, /secret|b@example\.com|\n/, what)
  }
  t.equal((await query('SELECT 1 FROM customer_import')).length, before.length, 'no import is stored')
})
