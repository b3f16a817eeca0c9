import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, writePem } from '@rekey/test-support/authority'
import { eventually } from '@rekey/test-support/eventually'
import { declaredLines } from '@rekey/test-support/log-lines'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ConfigError } from './config.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createTls } from './tls.ts'
import type { TlsSettings } from './tls-env.ts'
import { parseTls, tlsErrors, tlsFiles } from './tls-settings.ts'

// Most of their time is spent waiting for files to be read again.
t.jobs = 6
const beside = { buffered: true }

const dir = mkdtempSync(join(tmpdir(), 'rekey-tls-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const past = { validFrom: new Date('2020-01-01'), validTo: new Date('2021-01-01') }
const future = { validFrom: new Date('2120-01-01'), validTo: new Date('2121-01-01') }
const [authority, expiredAuthority, laterAuthority] = await Promise.all([
  createAuthority('one'),
  createAuthority('expired', past),
  createAuthority('later', future),
])
const [own, next, other, expired, later, locked, forServers, forClients] = await Promise.all([
  authority.issue(),
  authority.issue(),
  authority.issue(),
  authority.issue(past),
  authority.issue(future),
  authority.issue({ passphrase: 'a passphrase' }),
  authority.issue({ usage: 'server' }),
  authority.issue({ usage: 'client' }),
])

const roles = {
  server: { cert: 'REKEY_TLS_CERT', key: 'REKEY_TLS_KEY', ca: 'REKEY_TLS_CLIENT_CA' },
  client: { cert: 'REKEY_TLS_CLIENT_CERT', key: 'REKEY_TLS_CLIENT_KEY', ca: 'REKEY_TLS_CA' },
} as const
type Role = keyof typeof roles
type Part = 'cert' | 'key' | 'ca'

const broken = authority.cert.replace(/[A-Za-z]{10}/, '!!!!!!!!!!')
/** Undefined: a folder in its place. */
const unreadable: [what: string, text: string | undefined, error: RegExp][] = [
  ['a folder', undefined, /cannot be read: EISDIR/],
]
const noCertificate = /names a file with(out a certificate in PEM form| a certificate that cannot be read)/
const noKey = /names a file without a private key in PEM form that needs no passphrase/
const badCertificates = [
  ...unreadable,
  ['empty', '', noCertificate],
  ['no PEM', 'certificate', noCertificate],
  ['broken PEM', broken, noCertificate],
  ['a key', own.key, noCertificate],
] as const

/** Unusable contents of each file, with the error that names them. */
const badFiles = (role: Role): Record<Part, readonly (readonly [string, string | undefined, RegExp])[]> => ({
  cert: [
    ...badCertificates,
    ['expired', expired.cert, /expired on 2021-01-01T00:00:00Z: renew/],
    ['not yet valid', later.cert, /is not valid before 2120-01-01T00:00:00Z: correct the clock/],
    ['with an expired intermediate', own.cert + expiredAuthority.cert, /expired on 2021-01-01/],
    ['for the other role', (role === 'server' ? forClients : forServers).cert, /is not for (server|client)s: .* lacks/],
    ['of another key', other.cert, /_KEY is not the key of REKEY_TLS_(CLIENT_)?CERT: name the two files/],
  ],
  key: [
    ...unreadable,
    ['empty', '', noKey],
    ['no PEM', 'key', noKey],
    ['a certificate', own.cert, noKey],
    ['encrypted', locked.key, noKey],
    ['of another certificate', other.key, /is not the key of/],
  ],
  ca: [
    ...badCertificates,
    ['expired', expiredAuthority.cert, /expired on 2021-01-01/],
    ['not yet valid', laterAuthority.cert, /is not valid before 2120-01-01/],
  ],
})

let folders = 0
/** Writes good files of a role to a folder of their own. */
const goodFiles = (role: Role) => {
  folders += 1
  const folder = join(dir, String(folders))
  mkdirSync(folder)
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  const write = (identity = own) =>
    writePem({ [paths.cert]: identity.cert, [paths.key]: identity.key, [paths.ca]: authority.cert })
  write()
  const names = roles[role]
  const settings: TlsSettings = { [names.cert]: paths.cert, [names.key]: paths.key, [names.ca]: paths.ca }
  return { paths, settings, write }
}

const replace = (path: string, text: string | undefined) => {
  rmSync(path, { recursive: true, force: true })
  if (text === undefined) mkdirSync(path)
  else writePem({ [path]: text })
}

const cases = (['server', 'client'] as const).flatMap((role) =>
  Object.entries(badFiles(role)).flatMap(([part, bad]) =>
    [...bad, ['missing', null, /cannot be read: ENOENT/] as const].map(([what, text, error]) => ({
      title: `${roles[role][part as Part]} ${what}`,
      role,
      part: part as Part,
      text,
      error,
    })),
  ),
)

const spoil = (path: string, text: string | undefined | null) => (text === null ? rmSync(path) : replace(path, text))

const log = createLogger({ name: 'test', level: 'silent' })

const startTls = (t: Test, settings: TlsSettings) => {
  const lines: Record<string, unknown>[] = []
  const destination = declaredLines(t, (line) => void lines.push(JSON.parse(line)))
  const metrics = createMetrics()
  const tls = createTls(settings, { log: createLogger({ name: 'test', level: 'info', destination }), metrics })
  t.teardown(() => tls.close())
  const inUse = () => tls.listener?.options().cert ?? tls.context?.()
  return { tls, lines, metrics, inUse }
}

t.test(
  'S33: each file that cannot be used is refused at the start, with its variable and what to do',
  beside,
  async (t) => {
    for (const { title, role, part, text, error } of cases) {
      const { paths, settings } = goodFiles(role)
      t.same(tlsErrors(settings), [], 'the files before')
      spoil(paths[part], text)
      const errors = tlsErrors(settings)
      t.match(errors.join('\n'), error, title)
      t.ok(
        errors.every((one) => /^REKEY_TLS_\w+ /.test(one)),
        `${title}: begins with the variable`,
      )
      t.throws(() => createTls(settings, { log, metrics: createMetrics() }), new ConfigError([...errors]), title)
    }
  },
)

t.test(
  'S33: each file that becomes unusable leaves the earlier ones in use, with one line, until all are valid',
  beside,
  async (t) => {
    await Promise.all(
      cases.map(async ({ title, role, part, text, error }) => {
        const { paths, settings, write } = goodFiles(role)
        const { lines, inUse } = startTls(t, settings)
        const before = inUse()
        spoil(paths[part], text)
        await eventually(() => lines.length > 0, { what: `a line: ${title}` })
        const [line] = lines
        t.match(line, { event: 'file_refused', severity: 'error', variable: roles[role].cert }, title)
        t.match(String(line?.errors), error, title)
        t.equal(inUse(), before, `${title}: stays in use`)
        rmSync(paths[part], { recursive: true, force: true })
        write(next)
        await eventually(() => inUse() !== before, { what: `the next version: ${title}` })
        t.same(
          lines.map(({ event }) => event),
          ['file_refused', 'file_reloaded'],
          title,
        )
      }),
    )
  },
)

t.test(
  'a certificate that becomes valid later is used from then on, without a change of its file',
  beside,
  async (t) => {
    const { paths, settings } = goodFiles('server')
    const { lines, inUse } = startTls(t, settings)
    const soon = await authority.issue({ validFrom: new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_000) })
    writePem({ [paths.cert]: soon.cert, [paths.key]: soon.key })
    await eventually(() => inUse() === soon.cert, { what: 'the certificate' })
    t.same(
      lines.map(({ event }) => event),
      ['file_refused', 'file_reloaded'],
    )
  },
)

t.test('half of a pair, and files that no connection would use, are refused', beside, async (t) => {
  const { paths } = goodFiles('server')
  const { cert, key, ca } = paths
  const refusals: [TlsSettings, string[]][] = [
    [{ REKEY_TLS_CERT: cert }, ['REKEY_TLS_KEY is missing: REKEY_TLS_CERT requires it.']],
    [
      { REKEY_TLS_CERT: cert, REKEY_TLS_KEY: key, HOST: 'localhost' },
      ['HOST is localhost: with REKEY_TLS_CERT name an address, such as 127.0.0.1.'],
    ],
    [{ REKEY_TLS_KEY: key }, ['REKEY_TLS_CERT is missing: REKEY_TLS_KEY requires it.']],
    [{ REKEY_TLS_CLIENT_CA: ca }, ['REKEY_TLS_CERT is missing: REKEY_TLS_CLIENT_CA requires it.']],
    [{ REKEY_TLS_CLIENT_CERT: cert }, ['REKEY_TLS_CLIENT_KEY is missing: REKEY_TLS_CLIENT_CERT requires it.']],
    [{ REKEY_TLS_CLIENT_KEY: key }, ['REKEY_TLS_CLIENT_CERT is missing: REKEY_TLS_CLIENT_KEY requires it.']],
    [
      { REKEY_TLS_CA: ca, REKEY_PASSWORD_SERVICE_URL: 'http://b' },
      ['REKEY_PASSWORD_SERVICE_URL is http://: with REKEY_TLS_CA it must be https://.'],
    ],
    [
      { REKEY_TLS_CA: ca, REKEY_JWKS_URL: 'http://b' },
      ['REKEY_JWKS_URL is http://: with REKEY_TLS_CA it must be https://.'],
    ],
  ]
  for (const [settings, errors] of refusals) t.same(tlsErrors(settings), errors)
  const https = { REKEY_PASSWORD_SERVICE_URL: 'https://b' }
  t.same(tlsErrors({ REKEY_TLS_CA: ca, ...https }), [])
  t.same(tlsErrors({ REKEY_TLS_CLIENT_CERT: cert, REKEY_TLS_CLIENT_KEY: key, ...https }), [])
  t.same(tlsErrors({ REKEY_TLS_CERT: cert, REKEY_TLS_KEY: key }), [])
  t.same(tlsErrors({}), [])
})

t.test(
  'S36: files with any change are accepted, or refused with errors that name a variable and no key',
  beside,
  async (t) => {
    const { settings } = goodFiles('server')
    const files = tlsFiles(settings, 'server')
    const good = [own.cert, own.key, authority.cert]
    const change = fc.record({
      file: fc.nat({ max: 2 }),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.nat({ max: 80 }),
      text: fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom(...good)),
    })
    const secret = own.key.split('\n')[1] ?? 'none'
    fc.assert(
      fc.property(change, ({ file, at, length, text }) => {
        const texts = good.map((one, index) => {
          const begin = Math.floor(at * one.length)
          return index === file ? one.slice(0, begin) + text + one.slice(begin + length) : one
        })
        try {
          parseTls('server', files, texts)
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
          const unclear = error.errors.filter((one) => !/^REKEY_TLS_\w+ .{10,300}\.$/.test(one) || one.includes(secret))
          if (unclear.length > 0) throw new Error(unclear.join())
        }
      }),
      { numRuns: 500 },
    )
    t.pass()
  },
)

t.test('the metric of expiry follows the files in use, by certificate', beside, async (t) => {
  const server = goodFiles('server')
  const client = goodFiles('client')
  const soon = await authority.issue({ validTo: new Date('2100-01-01') })
  writePem({ [client.paths.cert]: soon.cert, [client.paths.key]: soon.key })
  // An authority that expired does not count while another is valid.
  const leaving = await createAuthority('leaving', { validTo: new Date('2099-01-01') })
  writePem({ [client.paths.ca]: expiredAuthority.cert + authority.cert + leaving.cert })
  const { metrics } = startTls(t, { ...server.settings, ...client.settings, REKEY_PASSWORD_SERVICE_URL: 'https://b' })
  const yearOf = async (certificate: string) => {
    const [, value] = new RegExp(`\\{certificate="${certificate}"\\} (\\d+)`).exec(await metrics.metrics()) ?? []
    return value && new Date(Number(value) * 1_000).toISOString().slice(0, 4)
  }
  const year = String(new Date(Date.now() + 364 * 86_400_000).getUTCFullYear())
  t.equal(await yearOf('server'), year)
  t.equal(await yearOf('client'), '2100')
  t.equal(await yearOf('ca'), year)
  server.write(await authority.issue({ validTo: new Date('2101-01-01') }))
  await eventually(async () => (await yearOf('server')) === '2101', { what: 'the new certificate' })
})
