import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase, dropDatabase } from '@rekey/local-servers/database'
import t from 'tap'
import { ndjson, startCustomers } from './customers/customers.fixture.ts'
import { readSettings } from './customers/settings.ts'

const { dir, database, run, fileOf, query } = await startCustomers(t)

t.test('the exit code is 0 if all lines are imported, and 2 if some are refused', async (t) => {
  const good = fileOf('good.ndjson', ndjson({ customer: 'GOOD1' }, { customer: 'GOOD2' }))
  const first = await run(['import', good])
  t.match(first, { code: 0, err: '' })
  t.match(first.out, /Importing .*good\.ndjson\.\n2 records in .* s: 2 imported, 0 refused\.\n/)
  t.throws(() => statSync(`${good}.refused.ndjson`), 'without import errors no errors file is written')
  const second = await run(['import', good])
  t.match(second, { code: 0 })
  t.match(second.out, /was imported on .* UTC\. To import it again: --again\.\n2 records: 2 imported/)
  t.match(await run(['import', good, '--again']), { code: 0, out: /Importing/ })
  fileOf('good.ndjson', ndjson({ customer: 'GOOD1' }))
  t.match(await run(['import', good]), {
    code: 0,
    out: /has changed since .* when 2 records were imported: importing all of it/,
  })

  const bad = fileOf('bad.csv', 'customer,locale\nGOOD3,zz\nGOOD4,en-GB\nGOOD 5,en-GB\n')
  const refused = join(dir, 'refused-elsewhere')
  const some = await run(['import', bad, '--refused', refused])
  t.match(some, { code: 2, err: '' })
  t.match(
    some.out,
    /3 records in .*: 1 imported, 2 refused\.\n +1 {2}\w+ \w+\n +1 {2}\w+ \w+\nRefused lines, with reasons: /,
  )
  t.match(some.out, /locale unknown_locale/)
  t.match(readFileSync(refused, 'utf8'), /^\{"line":2,"customer":"GOOD3",.*\}\n\{"line":4,"reasons":.*\}\n$/)
  t.equal(statSync(refused).mode & 0o777, 0o600)
})

t.test('an unusable file is refused with a reason in one line', async (t) => {
  const typo = fileOf('typo.csv', 'customer,e-mail\nX,x@example.com\n')
  for (const [path, reason] of [
    [join(dir, 'missing.ndjson'), /missing\.ndjson cannot be read: there is no such file\./],
    [typo, /Unknown column: "e-mail"\. The first line must name the columns: /],
    [
      fileOf('customers.txt', ndjson({ customer: 'X' })),
      /--format is missing: customers\.txt does not end in \.ndjson/,
    ],
  ] as const) {
    const { code, err } = await run(['import', path])
    t.equal(code, 1, path)
    t.match(err, reason, path)
    t.equal(err.trim().split('\n').length, 1, `${path}: one line`)
  }
  t.same(await query(`SELECT 1 FROM customer_import WHERE file_name LIKE '%typo.csv'`), [], 'no import is stored')
})

t.test('a wrong command line is refused, and nothing is imported', async (t) => {
  const path = fileOf('line.ndjson', ndjson({ customer: 'LINE1' }))
  for (const [args, message] of [
    ...[[], ['export', path], ['import'], ['import', path, path]].map((args) => [
      args,
      /npm run customers -- import FILE/,
    ]),
    [['import', path, '--format', 'xml'], /--format must be one of ndjson, csv/],
    [['import', path, '--refused', path], /--refused is the file to import/],
  ] as [string[], RegExp][]) {
    t.throws(() => readSettings(args), { message }, args.join(' '))
  }
  t.match(await run(['import', path, '--refused', dir]), { code: 1, err: /cannot be written/ })
  t.match(await run(['import', path, '--fast']), { code: 1, err: /--fast/ })
  t.match(await run(['--help']), { code: 0, out: /--refused FILE/ })
  t.same(await query(`SELECT 1 FROM customer WHERE code = 'LINE1'`), [])
  t.equal(readFileSync(path, 'utf8'), ndjson({ customer: 'LINE1' }))
})

t.test(
  'S36: the database URL is read from the environment or the secrets file; an error names the database without its password',
  async (t) => {
    const path = fileOf('secrets.ndjson', ndjson({ customer: 'SECRET1' }))
    const secrets = fileOf('secrets.env', `DATABASE_URL=${database.url}\n`)
    t.match(await run(['import', path], { DATABASE_URL: '', REKEY_SECRETS_FILE: secrets }), { code: 0 })
    t.match(await run(['import', path], { DATABASE_URL: '' }), { code: 1, err: /DATABASE_URL is missing\./ })
    const away = await run(['import', path], { DATABASE_URL: 'postgresql://rekey:planted-secret@127.0.0.1:1/rekey' })
    t.match(away, { code: 1, err: /^Cannot use the database 127\.0\.0\.1:1\/rekey: .*ECONNREFUSED.*\n$/ })
    t.notMatch(away.err, /planted-secret/)
    const name = 'rekey_not_migrated'
    const unmigrated = await createDatabase(database.url, name)
    t.teardown(() => dropDatabase(database.url, name))
    t.match(await run(['import', path], { DATABASE_URL: unmigrated }), {
      code: 1,
      err: /it is not migrated: run scripts/,
    })
  },
)
