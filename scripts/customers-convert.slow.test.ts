import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PasswordVerify } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { convertExport, systemNames } from './customers/convert/convert.ts'
import { ndjson, startCustomers } from './customers/customers.fixture.ts'
import { readSettings } from './customers/settings.ts'

const samples = join(import.meta.dirname, 'customers/convert/samples')
const service = await startPasswordService(t)
const { dir, run, fileOf } = await startCustomers(t)
const parameters = join(samples, 'firebase-parameters.json')
const exports: Record<string, string> = {
  keycloak: 'keycloak.json',
  kratos: 'kratos.ndjson',
  supabase: 'supabase.ndjson',
  auth0: 'auth0.ndjson',
  authentik: 'authentik.ndjson',
  firebase: 'firebase.json',
}

interface Customer {
  customer: string
  locale?: string
  identifiers: { value: string; verified: boolean }[]
  passwordHash?: string
  totps?: object[]
}
const linesOf = (path: string): Customer[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

t.test('customers of every system sign in with their passwords after the import', async (t) => {
  t.same(Object.keys(exports), systemNames, 'each system has a sample')
  const converted: Customer[] = []
  for (const system of systemNames) {
    const target = join(dir, `${system}.ndjson`)
    const { customers } = await convertExport(system, join(samples, exports[system] ?? ''), target, { parameters })
    t.equal(statSync(target).mode & 0o777, 0o600, 'only the owner can read the hashes')
    const lines = linesOf(target)
    t.equal(lines.length, customers, system)
    t.ok(
      lines.some(({ passwordHash }) => passwordHash),
      system,
    )
    converted.push(...lines)
  }
  const all = fileOf('all.ndjson', ndjson(...converted))
  const { DATABASE_URL = '', REKEY_SECRETS_FILE = '' } = service.variables
  t.match(await run(['import', all], { DATABASE_URL, REKEY_SECRETS_FILE }), { code: 0, err: '' })
  for (const { customer, identifiers, passwordHash } of converted) {
    const [{ value = '' } = {}] = identifiers
    const verify = (password: string) => callRpc(service.broker, PasswordVerify, { username: value, password })
    t.match(await verify('Qwerty123'), passwordHash ? { verified: true, customer } : { verified: false }, value)
    t.match(await verify('Qwerty124'), { verified: false }, value)
  }
})

t.test('the command counts customers without a usable hash by reason, and names the next command', async (t) => {
  const target = join(dir, 'counted.ndjson')
  const { code, out } = await run(['convert', 'kratos', join(samples, 'kratos.ndjson'), target])
  t.equal(code, 0)
  t.match(out, '7 customers written to')
  t.match(out, '1  without a password (unknown algorithm)')
  t.match(out, '1  without a password (no password)')
  t.match(out, `npm run customers -- import ${target}`)
})

t.test('a conversion keeps locale, phone number and confirmation', async (t) => {
  t.match(linesOf(join(dir, 'keycloak.ndjson'))[0], {
    locale: 'de',
    identifiers: [
      { value: 'keycloak-argon2@example.com', verified: true },
      { value: '+447700900101', verified: true },
    ],
  })
  t.match(linesOf(join(dir, 'supabase.ndjson'))[0], {
    identifiers: [{ value: 'supabase@example.com' }, { value: '+447700900103', verified: true }],
  })
  t.equal(linesOf(join(dir, 'auth0.ndjson'))[1]?.customer, 'auth0|EN00000AA')
})

t.test('a malformed user is refused with its number, and the others are converted', async (t) => {
  const path = fileOf('auth0-malformed.ndjson', ndjson({ _id: { $oid: 'a' }, email: 'a@example.com' }, { email: 'x' }))
  const target = join(dir, 'malformed.ndjson')
  t.match(await convertExport('auth0', path, target, {}), { customers: 1, refused: [{ user: 2, reason: String }] })
  t.equal(linesOf(target).length, 1)
})

t.test('second factors are converted or counted with the reason, and a malformed secret is not shown', async (t) => {
  const summaryOf = (system: string) =>
    convertExport(system, join(samples, exports[system] ?? ''), join(dir, 'factors.ndjson'), {})
  const { factorsLeftOut } = await summaryOf('keycloak')
  t.same(Object.fromEntries(factorsLeftOut), {
    'one-time passwords of the kind hotp': 1,
    'credentials of the type recovery-authn-codes': 1,
  })
  t.match(linesOf(join(dir, 'factors.ndjson'))[0]?.totps, [
    { secret: 'HB3FCMTNLIYGWUDRGRZFINTXLEYXQQZT', algorithm: 'sha1', digits: 6, periodSeconds: 30, label: 'My phone' },
    { algorithm: 'sha256', digits: 8, periodSeconds: 60, label: 'Tablet' },
  ])
  t.same(Object.fromEntries((await summaryOf('authentik')).factorsLeftOut), { 'TOTP with another epoch': 1 })
  t.same(Object.fromEntries((await summaryOf('auth0')).factorsLeftOut), { 'an address for the second proof alone': 1 })

  const target = join(dir, 'broken.ndjson')
  const broken = { id: '1', credentials: [{ type: 'otp', secretData: '8vQ2mZ0kPq4rT6wY1xC3', credentialData: '{}' }] }
  const { refused } = await convertExport(
    'keycloak',
    fileOf('broken.json', JSON.stringify({ users: [broken] })),
    target,
    {},
  )
  t.match(refused, [{ user: 1, reason: /is not JSON$/ }])
  t.notMatch(JSON.stringify(refused), '8vQ2')
  const { out } = await run(['convert', 'keycloak', join(samples, 'keycloak.json'), target])
  t.match(out, '1  second factors left out (one-time passwords of the kind hotp): their customers enrol others')
})

t.test('an unusable export is refused with a reason, and leaves no file', async (t) => {
  const target = join(dir, 'none.ndjson')
  const truncated = fileOf('truncated.json', '{"users":[{"id":"1"},')
  const firebase = join(samples, 'firebase.json')
  const cases: [string, string, string | undefined, RegExp][] = [
    ['okta', truncated, undefined, /Unknown system: okta/],
    ['keycloak', join(dir, 'absent.json'), undefined, /absent\.json: ENOENT/],
    ['keycloak', truncated, undefined, /truncated\.json: /],
    ['kratos', fileOf('lines.ndjson', '{}\nnothing\n'), undefined, /lines\.ndjson, line 2: is not JSON/],
    ['firebase', firebase, undefined, /--parameters is missing/],
    ['firebase', firebase, truncated, /truncated\.json: must be a JSON file/],
  ]
  for (const [system, path, given, message] of cases) {
    await t.rejects(convertExport(system, path, target, { parameters: given }), { message }, system)
    t.throws(() => statSync(target))
    t.throws(() => statSync(`${target}.partial`))
  }
})

t.test('a wrong command line is refused', async (t) => {
  for (const [args, message] of [
    [['convert', 'okta', 'users.json', 'out.ndjson'], /SYSTEM must be one of keycloak, kratos/],
    [['convert', 'keycloak', 'users.json', 'out.csv'], /must end in \.ndjson/],
    [['convert', 'keycloak', 'users.ndjson', './users.ndjson'], /is the export/],
    [['convert', 'keycloak'], /npm run customers -- convert/],
  ] as const) {
    t.throws(() => readSettings([...args]), { message }, args.join(' '))
  }
})
