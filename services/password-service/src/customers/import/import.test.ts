import { pbkdf2Sync, scryptSync } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash as argon2 } from '@node-rs/argon2'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { CustomersUpsert, PasswordVerify } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { openImport } from '../../import-customers.ts'
import type { Refusal } from './refused-report.ts'
import { type FormatName, openSource } from './source.ts'

const service = await startPasswordService(t)
const { query } = service
const dir = mkdtempSync(join(tmpdir(), 'rekey-import-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

interface Options {
  format?: FormatName
  again?: boolean
  /** Asks the import to stop once so many batches are in. */
  stopAfter?: number
}

const run = async (path: string, { format = 'ndjson', again = false, stopAfter }: Options = {}) => {
  const stop = new AbortController()
  const refusedPath = `${path}.refused.ndjson`
  const source = await openSource(path, format)
  const customers = await openImport({ DATABASE_URL: service.variables.DATABASE_URL })
  let kind: string | undefined
  let batches = 0
  try {
    const { reasons, ...result } = await customers.run(
      { source, fileName: path, refusedPath, again, signal: stop.signal },
      {
        begins: (beginning) => {
          kind = beginning.kind
        },
        progressed: () => {
          batches += 1
          if (batches === stopAfter) stop.abort()
        },
      },
    )
    const report = existsSync(refusedPath) ? readFileSync(refusedPath, 'utf8') : ''
    const refusals = report
      .split('\n')
      .filter(Boolean)
      .map((line): Refusal => JSON.parse(line))
    return { ...result, kind, reasons: Object.fromEntries(reasons), refusals, report, refusedPath }
  } finally {
    await customers.close()
    await source.close()
  }
}

const fileOf = (content: string | Buffer) => {
  const path = join(dir, systemRandom.id())
  writeFileSync(path, content)
  return path
}
const take = (content: string | Buffer, options?: Options) => run(fileOf(content), options)
const ndjson = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')
const newCode = () => `I${systemRandom.id()}`
const newEmail = () => `${systemRandom.id()}@example.com`
const confirmed = (value: string) => ({ value, verified: true })

const customerOf = async (code: string) => {
  const [row] = await query(
    `SELECT c.locale, c.timezone, k.hash,
            array(SELECT value || CASE WHEN verified_at IS NULL THEN ' unconfirmed' ELSE '' END
                  FROM identifier WHERE customer_id = c.id ORDER BY id) AS addresses
     FROM customer c LEFT JOIN credential k ON k.customer_id = c.id WHERE c.code = $1`,
    [code],
  )
  return row
}

t.test('NDJSON: a line is a record, with all that a question could say', async (t) => {
  const [one, two, email, phone] = [newCode(), newCode(), newEmail(), '+447700900201']
  const hash = await argon2('Qwerty123')
  const identifiers = [confirmed(email.toUpperCase()), { value: phone, verified: false }]
  const taken = await take(
    ndjson(
      { customer: one, locale: 'de-de', timezone: 'Europe/Berlin', identifiers, passwordHash: hash },
      { customer: two },
    ),
  )
  t.match(taken, { kind: 'new', finished: true, records: 2, imported: 2, refused: 0, report: '', reasons: {} })
  t.same(await customerOf(one), {
    locale: 'de-DE',
    timezone: 'Europe/Berlin',
    hash,
    addresses: [email, `${phone} unconfirmed`],
  })
  t.match(await customerOf(two), { locale: 'en-GB', addresses: [] })
})

t.test('CSV: a header, quotes, several addresses in a cell; an empty cell says nothing', async (t) => {
  const [one, two, a, b] = [newCode(), newCode(), newEmail(), newEmail()]
  const hash = await argon2('Qwerty123')
  const csv = [
    '\ufeffcustomer,locale,timezone,email,phone,password_hash',
    `${one},de-DE,"Europe/Berlin",${a} ; ${b};,+447700900202,"${hash}"`,
    `  "${two}" ,,,,,`,
    '',
  ].join('\r\n')
  t.match(await take(csv, { format: 'csv' }), { finished: true, imported: 2, refused: 0 })
  t.same(await customerOf(one), {
    locale: 'de-DE',
    timezone: 'Europe/Berlin',
    hash,
    addresses: [a, b, '+447700900202'],
  })
  t.match(await customerOf(two), { locale: 'en-GB', timezone: 'UTC', hash: null, addresses: [] })
  t.match(
    await take(`locale,customer\nfr-FR,${one}`, { format: 'csv' }),
    { imported: 1 },
    'columns in any order, or left out',
  )
  t.match(await customerOf(one), { locale: 'fr-FR', addresses: [a, b, '+447700900202'] })
})

t.test(
  'lines that cannot be taken are told with number, field and reason, and nothing secret; the rest goes on',
  async (t) => {
    const [first, last, held, mine] = [newCode(), newCode(), `bob1@${systemRandom.id()}.example.com`, newEmail()]
    await callRpc(service.broker, CustomersUpsert, { customer: newCode(), identifiers: [confirmed(held)] })
    const secret = '$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA'
    const content = Buffer.concat([
      Buffer.from(
        `${JSON.stringify({ customer: first })}\n\n{"customer":\n[]\n"text"\n{}\n{"customer":"a","customer":"b"}\n{"__proto__":{},"customer":"a"}\n`,
      ),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(`{"customer":"${'x'.repeat(70_000)}"}\n`),
      Buffer.from(
        ndjson(
          { customer: 'EN1', identifiers: [confirmed(mine), confirmed(held)] },
          { customer: 'EN2', identifiers: [confirmed(mine.toUpperCase()), confirmed(mine)] },
          { customer: 'EN3', passwordHash: secret },
          { customer: 'EN4', passwordHash: 'correct horse' },
          { customer: 'EN5', locale: 'zz', timezone: 'Mars/Base', identifiers: [{ value: 'no address' }] },
          { customer: 'EN6', locale: 'zz', timezone: 'Mars/Base' },
          { customer: last },
        ).trimEnd(),
      ),
    ])
    const { refusals, report, reasons, refusedPath, ...counts } = await take(content)
    t.match(counts, { finished: true, records: 16, imported: 2, refused: 14 })
    t.ok((await customerOf(first)) && (await customerOf(last)))
    t.equal(await customerOf('EN1'), undefined)
    t.match(
      refusals.map(({ line, customer, reasons }) => [
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
    t.match(refusals[8]?.reasons[0]?.address, /^b\*1@/, 'an address is masked')
    for (const planted of [secret, 'AAAAAAAA', 'correct horse', held, mine]) t.notOk(report.includes(planted), planted)
    t.equal(statSync(refusedPath).mode & 0o777, 0o600)
    t.equal(reasons['identifiers/value identifier_taken'], 1)
    t.equal(reasons.not_json, 2)
  },
)

t.test('CSV: a broken line is refused by the name of its column, also one whose quote is never closed', async (t) => {
  const [first, last] = [newCode(), newCode()]
  const held = newEmail()
  await callRpc(service.broker, CustomersUpsert, { customer: newCode(), identifiers: [confirmed(held)] })
  const csv = [
    'customer,email,phone,password_hash',
    `${first},,,`,
    `EN1,"${newEmail()},,`,
    'EN2,,',
    'EN3,,,,',
    `EN4,${newEmail()};${held},+447700900203,`,
    'EN5,,0700,',
    'EN6,,,secret-hash',
    `,${newEmail()},,`,
    `${last},,,`,
  ].join('\n')
  const { refusals, report, ...counts } = await take(csv, { format: 'csv' })
  t.match(counts, { records: 9, imported: 2, refused: 7 })
  t.ok((await customerOf(first)) && (await customerOf(last)))
  t.match(
    refusals.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
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
  t.notOk(report.includes('secret-hash'))
})

t.test('a file that is of no use is refused with the reason, and nothing of it', async (t) => {
  mkdirSync(join(dir, 'folder'))
  await t.rejects(openSource(join(dir, 'missing'), 'csv'), { message: /cannot be read: there is no such file\./ })
  await t.rejects(openSource(join(dir, 'folder'), 'csv'), { message: /cannot be read: it is a directory\./ })
  await t.rejects(openSource('/dev/null', 'csv'), { message: /cannot be read: it is not a regular file\./ })
  const header = 'customer,locale,timezone,email,phone,password_hash'
  const csv = { format: 'csv' } as const
  const faults: [what: string, content: string | Buffer, options: Options, reason: RegExp][] = [
    ['empty', '', {}, /is empty\./],
    ['blank', '\n \n\r\n', {}, /The file holds no customers\./],
    ['nothing but a header', `${header}\n`, csv, /The file holds no customers\./],
    [
      'no header',
      'EN00000CY,en-GB,UTC,b@example.com,,$2b$10$secret\n',
      csv,
      /Unknown column: .*The first line must name/,
    ],
    ['a wrong column', 'customer,e-mail\nX,x@example.com\n', csv, /Unknown column: "e-mail"\./],
    ['no customer', 'locale\nen-GB\n', csv, /The column customer is missing\./],
    ['a column twice', 'customer,locale,locale\nX,,\n', csv, /The column locale stands twice\./],
    ['email without phone', 'customer,email\nX,x@example.com\n', csv, /The columns email and phone go together/],
    ['semicolons', 'customer;locale\nX;en\n', csv, /Unknown column: /],
    ['a quote in the header', 'customer,"locale\nX,en-GB\n', csv, /The header is not valid CSV\./],
    ['a header in no UTF-8', Buffer.from([0x63, 0xff, 0x0a]), csv, /The header cannot be read\./],
    ['a header too long', 'x'.repeat(100_000), csv, /The header cannot be read\./],
    ['UTF-16', Buffer.from(`\ufeff${header}\n`, 'utf16le'), csv, /is UTF-16\. Save it as UTF-8\./],
    ['compressed', Buffer.from([0x1f, 0x8b, 8, 0]), {}, /is compressed\. Unpack it first\./],
    ['a spreadsheet', 'PK\u0003\u0004', csv, /is a ZIP archive or a spreadsheet\. Save it as CSV\./],
  ]
  const before = await query('SELECT 1 FROM customer_import')
  for (const [what, content, options, reason] of faults) {
    const fault = await take(content, options).then(
      () => 'none',
      (error: Error) => error.message,
    )
    t.match(fault, reason, what)
    t.notMatch(fault, /secret|b@example\.com|\n/, what)
  }
  t.equal((await query('SELECT 1 FROM customer_import')).length, before.length, 'nor is it noted')
})

t.test('within a batch lines may repeat customers and pass addresses on; the last word counts', async (t) => {
  const [one, two, three, four] = [newCode(), newCode(), newCode(), newCode()]
  const [x, y, z] = [newEmail(), newEmail(), newEmail()]
  await take(ndjson({ customer: one, identifiers: [confirmed(x)] }))
  const { refusals, ...counts } = await take(
    ndjson(
      { customer: two, identifiers: [confirmed(x)] },
      { customer: one, identifiers: [confirmed(y)] },
      { customer: one, identifiers: [confirmed(z)], locale: 'fr-FR' },
      { customer: three, identifiers: [confirmed(y)] },
      { customer: four, identifiers: [confirmed(y)] },
    ),
  )
  t.match(counts, { imported: 4, refused: 1 })
  t.match(refusals, [{ line: 5, customer: four }])
  t.match(await customerOf(one), { locale: 'fr-FR', addresses: [z] })
  t.match(await customerOf(two), { addresses: [x] })
  t.match(await customerOf(three), { addresses: [y] })
  t.equal(await customerOf(four), undefined)
})

t.test('batches are of one size wherever a file is begun, and however short its lines are', async (t) => {
  const source = await openSource(fileOf('1\n'.repeat(300_000)), 'ndjson')
  t.teardown(() => source.close())
  for (const skip of [0, 1_000, 150_500, 300_000]) {
    let records = skip
    const { batches } = await source.read(skip)
    for await (const batch of batches) {
      if (batch.lines[0]?.number !== records + 1) t.fail('a line is left out, or comes again')
      records += batch.lines.length
      if (batch.lines.length !== 1_000 && records !== 300_000) t.fail('a batch is of another size')
    }
    t.equal(records, 300_000)
  }
})

/** So many lines, every hundredth of which is refused. */
const manyLines = (count: number) => {
  const codes = Array.from({ length: count }, newCode)
  return {
    codes,
    content: ndjson(...codes.map((customer, index) => ({ customer, ...(index % 100 === 0 && { locale: 'zz' }) }))),
    count: async () => {
      const [row] = await query<{ count: number }>('SELECT count(*)::int FROM customer WHERE code = ANY($1)', [codes])
      return row?.count
    },
  }
}

t.test('asked to stop it ends its batch, and goes on there; what is taken in is not taken in again', async (t) => {
  const { content, count } = manyLines(3_500)
  const path = fileOf(content)
  t.match(await run(path, { stopAfter: 2 }), { kind: 'new', finished: false, records: 2_000, refused: 20 })
  t.equal(await count(), 1_980)
  appendFileSync(`${path}.refused.ndjson`, '{"line":2001,"reasons":[]}\n{"li', { mode: 0o600 })
  const rest = await run(path)
  t.match(rest, { kind: 'resumed', finished: true, records: 3_500, imported: 3_465, refused: 35 })
  t.same(
    rest.refusals.map(({ line }) => line),
    Array.from({ length: 35 }, (_, index) => index * 100 + 1),
    'each refused line once, whatever a killed import had left',
  )
  t.same(rest.reasons, { 'locale unknown_locale': 35 }, 'the summary is of the whole file')
  t.equal(await count(), 3_465)

  t.match(await run(path), { kind: 'finished', records: 3_500 })
  t.match(await run(path, { again: true }), { kind: 'new', finished: true, records: 3_500, refused: 35 })
  appendFileSync(path, ndjson({ customer: newCode() }))
  t.match(await run(path), { kind: 'changed', finished: true, records: 3_501 })
})

t.test('two imports of one file at once: one goes on, the other says so, and no line is lost', async (t) => {
  const { content, count } = manyLines(2_500)
  const path = fileOf(content)
  const outcomes = await Promise.allSettled([run(path), run(path)])
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') t.match(outcome.value, { finished: true })
    else t.match(outcome.reason, { message: 'The same file is being imported by another process.' })
  }
  t.ok(outcomes.some(({ status }) => status === 'fulfilled'))
  const known = await run(path)
  t.match(known, { kind: 'finished', records: 2_500, imported: 2_475, refused: 25 })
  t.same(
    known.refusals.map(({ line }) => line),
    Array.from({ length: 25 }, (_, index) => index * 100 + 1),
    'nor one of the refused',
  )
  t.equal(await count(), 2_475)
})

t.test('an import beside upserts of the same customers and addresses: all end in an answer', async (t) => {
  const codes = Array.from({ length: 40 }, newCode)
  const emails = codes.map(newEmail)
  const records = codes.map((customer, index) => ({ customer, identifiers: [confirmed(emails[index] ?? '')] }))
  const [taken, replies] = await Promise.all([
    take(ndjson(...records)),
    Promise.all(
      records.toReversed().map(({ identifiers }, index) =>
        callRpc(service.broker, CustomersUpsert, {
          customer: codes[index % 2 ? index : 39 - index] ?? '',
          identifiers,
        }),
      ),
    ),
  ])
  t.equal(taken.imported + taken.refused, 40)
  t.equal(replies.length, 40)
  const [held] = await query<{ count: number }>('SELECT count(*)::int FROM identifier WHERE value = ANY($1)', [emails])
  t.equal(held?.count, 40, 'every address is held, once')
})

t.test('an import sends nobody anything; other addresses of a customer who was there are told as a fact', async (t) => {
  const [customer, email] = [newCode(), `ann1@${systemRandom.id()}.example.com`]
  await take(ndjson({ customer, identifiers: [confirmed(newEmail())], passwordHash: await argon2('Qwerty123') }))
  const [{ id } = { id: 0 }] = await query<{ id: number }>('SELECT id FROM customer WHERE code = $1', [customer])
  await service.restoreOf(id)
  await take(ndjson({ customer, identifiers: [confirmed(email)] }))
  await service.outboxEmpty()
  t.same(await service.events('NOTIFY', customer), [])
  const facts = await service.events('PASSWORD', customer)
  t.match(facts, [{ type: 'account.identifiers-changed', data: { customer, added: [/^oob:email:a\*1@/] } }])
  t.same(await query('SELECT 1 FROM restore_request WHERE customer_id = $1', [id]), [], 'and open restores are over')
})

t.test('S17: customers of every kind of hash sign in, and have one of ours from then on', async (t) => {
  const password = 'Qwerty123'
  const salt = Buffer.from('0123456789abcdef')
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const bcrypted = await bcrypt(password, { cost: 4 })
  const scrypted = base64(scryptSync(password, salt, 32, { N: 1_024, r: 8, p: 1 }))
  const hashes = {
    'argon2id of other parameters': await argon2(password, { memoryCost: 4_096, timeCost: 3 }),
    argon2i: await argon2(password, { algorithm: 1 }),
    'bcrypt 2b': bcrypted,
    'bcrypt 2y': bcrypted.replace('$2b$', '$2y$'),
    scrypt: `$scrypt$ln=10,r=8,p=1$${base64(salt)}$${scrypted}`,
    pbkdf2: `$pbkdf2-sha256$i=1000,l=32$${base64(salt)}$${base64(pbkdf2Sync(password, salt, 1_000, 32, 'sha256'))}`,
  }
  const people = Object.entries(hashes).map(([kind, passwordHash]) => ({
    kind,
    passwordHash,
    customer: newCode(),
    email: newEmail(),
  }))
  const records = people.map(({ customer, email, passwordHash }) => ({
    customer,
    identifiers: [confirmed(email)],
    passwordHash,
  }))
  t.match(await take(ndjson(...records)), { imported: people.length, refused: 0 })
  for (const { kind, customer, email, passwordHash } of people) {
    t.equal((await customerOf(customer))?.hash, passwordHash, `${kind} is stored as it is`)
    const verify = (attempt: string) => callRpc(service.broker, PasswordVerify, { username: email, password: attempt })
    t.match(await verify('Qwerty124'), { verified: false }, kind)
    t.match(await verify(password), { verified: true, customer }, kind)
    t.match((await customerOf(customer))?.hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, `${kind} is rehashed`)
    t.match(await verify(password), { verified: true, customer }, kind)
  }
  t.match(await take(ndjson(...records)), { kind: 'finished' })
  await run(fileOf(`${ndjson(...records)}\n`))
  for (const { kind, customer } of people) {
    t.match((await customerOf(customer))?.hash, /^\$argon2id\$v=19\$m=19456/, `${kind}: taken in again it stays ours`)
  }
})
