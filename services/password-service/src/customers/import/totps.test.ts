import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type CustomerRecord, CustomersUpsert, FactorsList, FactorsVerify } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import t from 'tap'
import { openSecret } from '../../factor-secrets/factor-secret.ts'
import { codeOfTotp } from '../../factors/factors.fixture.ts'
import { confirmed, ndjson, newCode, newEmail, startImports } from './import.fixture.ts'

const { service, importText, customerOf } = await startImports(t)
const { broker, clock, query, variables } = service
const secrets = parseEnv(readFileSync(variables.REKEY_SECRETS_FILE ?? '', 'utf8'))
const keys = toKeys(secrets.REKEY_FACTOR_SEAL_KEY ?? '')

const [secret, other] = ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'] as const
const upsert = (record: CustomerRecord) => callRpc(broker, CustomersUpsert, record)
const proves = async (customer: string, code: string) => {
  const request = { customer, method: 'totp', code, challengeId: systemRandom.id(), purpose: 'restore' } as const
  return (await callRpc(broker, FactorsVerify, request)).isRight
}
const methodsOf = async (customer: string) => (await callRpc(broker, FactorsList, { customer })).methods
const factorsOf = (customer: string) =>
  query(
    `SELECT f.id, f.customer_id AS "customerId", f.label, f.period_seconds AS period, f.sealed_secret AS sealed,
       f.seal_key_id AS "keyId"
     FROM factor f JOIN customer c ON c.id = f.customer_id WHERE c.code = $1 ORDER BY f.label`,
    [customer],
  )

t.test('authenticator apps of a new customer are sealed and in force, each with its parameters', async (t) => {
  const totps = [
    { secret: secret.toLowerCase(), label: 'Phone' },
    { secret: `${other}====`, algorithm: 'sha512', digits: 8, periodSeconds: 60, label: 'Tablet' },
  ] as const
  const [byRpc, byFile] = [newCode(), newCode()]
  t.match(await upsert({ customer: byRpc, totps: [...totps] }), { stored: true, created: true, totpsStored: 2 })
  t.match(await importText(ndjson({ customer: byFile, totps })), { imported: 1, refused: 0 })
  for (const customer of [byRpc, byFile]) {
    const factors = await factorsOf(customer)
    t.match(factors, [
      { label: 'Phone', period: 30 },
      { label: 'Tablet', period: 60 },
    ])
    for (const { id, customerId, sealed, keyId } of factors) {
      t.notMatch(sealed, /GEZDGNBV|JBSWY3DP/)
      t.equal(keyId, keys.current.id ?? '')
      t.match(await openSecret(keys, { id, customerId }, sealed), { secret: String })
    }
    t.same(await methodsOf(customer), ['totp'])
    clock.advance(60_000)
    t.ok(await proves(customer, codeOfTotp({ secret }, clock.now())))
    const tablet = { secret: other, algorithm: 'sha512', digits: 8, period: 60 } as const
    const code = codeOfTotp(tablet, clock.now())
    t.ok(await proves(customer, code))
    t.notOk(await proves(customer, code), 'a code is right once')
  }
})

t.test('S57: a record adds no authenticator app to a customer who exists, and brings back none', async (t) => {
  const [without, removed] = [newCode(), newCode()]
  await upsert({ customer: without })
  await upsert({ customer: removed, totps: [{ secret }] })
  await query(`DELETE FROM factor WHERE customer_id = (SELECT id FROM customer WHERE code = $1)`, [removed])
  await query(`UPDATE customer SET factor_kinds = '{}' WHERE code = $1`, [removed])
  for (const customer of [without, removed]) {
    const record = { customer, locale: 'de', totps: [{ secret: other }] }
    t.match(await upsert(record), { stored: true, created: false, totpsStored: 0 })
    t.match(await importText(ndjson(record)), { imported: 1 })
    t.same(await factorsOf(customer), [])
    t.same(await methodsOf(customer), [])
  }
})

t.test('an authenticator app that cannot be verified is refused with line, field and reason', async (t) => {
  const good = { secret, label: 'Phone' }
  const bad: [object[], string][] = [
    [[{ ...good, digits: 5 }], 'totps/0/digits out_of_range'],
    [[good, { secret: other, digits: 9 }], 'totps/1/digits out_of_range'],
    [[{ ...good, algorithm: 'md5' }], 'totps/0/algorithm not_allowed'],
    [[{ ...good, periodSeconds: 300 }], 'totps/0/periodSeconds out_of_range'],
    [[{ ...good, periodSeconds: 30.5 }], 'totps/0/periodSeconds wrong_type'],
    [[{ secret: 'GEZDGNBVGY3TQOJ' }], 'totps/0/secret malformed'],
    [[{ secret: 'GEZDGNBVGY3TQOJQ1' }], 'totps/0/secret malformed'],
    [[{ secret: 'GEZDGNBVGY3TQOJQG' }], 'totps/0/secret malformed'],
    [[good, { secret: `${secret}==` }], 'totps/1/secret duplicate'],
    [[{ label: 'Phone' }], 'totps/0/secret missing'],
    [[{ ...good, label: 'two\nlines' }], 'totps/0/label malformed'],
    [[{ ...good, label: 'a\ud800' }], 'totps/0/label malformed'],
    [
      Array.from({ length: 6 }, (_, index) => ({ secret: `${secret.slice(0, -1)}${'ABCDEF'[index]}` })),
      'totps malformed',
    ],
  ]
  const [first, last] = [newCode(), newCode()]
  const records = bad.map(([totps], index) => ({
    customer: `BAD${index}`,
    identifiers: [confirmed(newEmail())],
    totps,
  }))
  const { errors, errorsText, ...counts } = await importText(
    ndjson({ customer: first, totps: [good] }, ...records, { customer: last }),
  )
  t.match(counts, { imported: 2, refused: bad.length })
  t.same(
    errors.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
    bad.map(([, reason], index) => [index + 2, reason]),
  )
  t.notMatch(errorsText, /GEZDGNBV|JBSWY3DP/)
  t.ok((await customerOf(first)) && (await customerOf(last)))
  for (const { customer } of records) t.equal(await customerOf(customer), undefined, 'nothing of the line is stored')
  t.match(await upsert({ customer: 'BAD', totps: [{ secret: 'GEZDGNBVGY3TQOJQG' }] }), {
    stored: false,
    reasons: [{ field: 'totps/0/secret', code: 'malformed', message: 'is not Base32' }],
  })
})

t.test('without the key of factors, lines with authenticator apps are refused and others imported', async (t) => {
  const [refused, imported] = [newCode(), newCode()]
  const lines = ndjson({ customer: refused, totps: [{ secret }] }, { customer: imported, totps: [] })
  const { errors, ...counts } = await importText(lines, { withFactorKey: false })
  t.match(counts, { imported: 1, refused: 1 })
  t.match(errors, [{ line: 1, customer: refused, reasons: [{ field: 'totps', code: 'no_factor_key' }] }])
  t.equal(await customerOf(refused), undefined)
  t.ok(await customerOf(imported))
})
