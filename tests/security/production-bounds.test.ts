import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sandboxKeyPrefix } from '@rekey/contracts'
import { readConfig } from '@rekey/platform/config'
import type { Production } from '@rekey/platform/production'
import { tracingEnv } from '@rekey/platform/tracing-settings'
import t from 'tap'
import { parseRegistry, productionParser } from '../../services/auth-gateway/src/clients/registry-file.ts'
import { Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { production as gateway } from '../../services/auth-gateway/src/production.ts'
import { Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { production as notifier } from '../../services/notifier/src/production.ts'
import { Env as PasswordServiceEnv } from '../../services/password-service/src/config.ts'
import { production as passwordService } from '../../services/password-service/src/production.ts'

// Every variable of every service stands in one of the two tables below: a new one must be added to one of them.

const dir = mkdtempSync(join(tmpdir(), 'rekey-bounds-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const fileWithMode = (mode: number) => {
  const path = join(dir, mode.toString(8))
  writeFileSync(path, '{}')
  // The umask applies to new files.
  chmodSync(path, mode)
  return path
}
const [readable, writable] = [fileWithMode(0o604), fileWithMode(0o602)]
const weakKeys = ['A'.repeat(43), `${sandboxKeyPrefix}${'Ab3-_'.repeat(9)}`.slice(0, 43)]
const openFiles = [readable, writable]
const plainUrls = ['http://elsewhere.example']
const databaseUrls = [
  'postgresql://u:p@elsewhere.example/rekey',
  'postgresql://u@elsewhere.example/rekey?sslmode=verify-full',
  `postgresql://u@elsewhere.example/rekey?sslmode=verify-full&sslkey=${readable}`,
]
const hugeQuota = '999999999/1s'

/** Values that production refuses, of variables that protect customers. */
const refused: Record<string, readonly unknown[]> = {
  LOG_LEVEL: ['silent', 'fatal'],
  NODE_TLS_REJECT_UNAUTHORIZED: ['0'],
  NATS_URL: ['nats://elsewhere.example:4222'],
  NATS_CA_FILE: [writable],
  NATS_NKEY_FILE: openFiles,
  NATS_CREDENTIALS_FILE: openFiles,
  REKEY_SECRETS_FILE: openFiles,
  OTEL_EXPORTER_OTLP_ENDPOINT: plainUrls,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: plainUrls,
  OTEL_EXPORTER_OTLP_CERTIFICATE: [writable],
  OTEL_EXPORTER_OTLP_CLIENT_KEY: openFiles,
  REKEY_TLS_CERT: [writable],
  REKEY_TLS_KEY: openFiles,
  REKEY_TLS_CLIENT_CA: [writable],
  REKEY_TLS_CA: [writable],
  REKEY_TLS_CLIENT_CERT: [writable],
  REKEY_TLS_CLIENT_KEY: openFiles,
  REDIS_URL: ['redis://elsewhere.example', 'rediss://elsewhere.example'],
  DATABASE_URL: databaseUrls,
  REKEY_DATABASE_DIRECT_URL: databaseUrls,
  REKEY_PUBLIC_URL: plainUrls,
  REKEY_PASSWORD_SERVICE_URL: plainUrls,
  REKEY_CHANGE_PASSWORD_URL: plainUrls,
  REKEY_JWKS_URL: plainUrls,
  REKEY_BREACH_URL: plainUrls,
  REKEY_SMS_URL: plainUrls,
  REKEY_IDP_ISSUER: plainUrls,
  REKEY_IDP_JWKS_URL: plainUrls,
  REKEY_TRUSTED_PROXIES: [
    '0.0.0.0/0',
    '::/0',
    '0.0.0.0/1,128.0.0.0/1',
    '10.0.0.0/8,0.0.0.0/2',
    '::ffff:0:0/96',
    '::ffff:0.0.0.0/97',
    // Contain every IPv4 address too.
    '::fffe:0:0/95',
    '::/80',
    '::/64',
    '::1/17',
    '2000::/3',
    Array.from({ length: 64 }, (_, index) => `${index}.0.0.0/8`).join(','),
  ],
  REKEY_CLIENTS_FILE: [undefined, writable],
  REKEY_SIGNING_KEYS_FILE: openFiles,
  REKEY_PASSWORD_PEPPERS: [undefined, `p1:${weakKeys[0]}`, `p1:${weakKeys[1]}`],
  REKEY_REQUIRE_CURRENT_PASSWORD: [false],
  REKEY_PASSWORD_BLOCKLIST: [false],
  REKEY_FACTOR_RESET_WAIT_HOURS: [1, 23],
  REKEY_SOLO_RESTORE_WAIT_HOURS: [1, 23],
  REKEY_HOLD_HOURS: [0],
  REKEY_RESEND_SECONDS: [1, 29],
  REKEY_CODE_PACE_MS: [0, 999],
  REKEY_HASH_MEMORY_KIB: [1_024, 19_455],
  REKEY_HASH_PASSES: [1],
  REKEY_RESTORE_PROOFS: [undefined],
  REKEY_NEW_ADDRESS_HOURS: [0, 23],
  REKEY_HISTORY_RETENTION_MONTHS: [1, 11],
  REKEY_LIMITS_SCALE: [0.5, 1_000],
  REKEY_MAIL_FROM: ['no-reply@localhost'],
  REKEY_CONTACT: [undefined, '+44 20 7946 0000'],
  REKEY_BOUNCE_DOMAIN: ['localhost'],
  SMTP_URL: ['smtp://mail.example:25', 'smtps://mail.example?secure=false'],
  ...Object.fromEntries(
    [GatewayEnv, PasswordServiceEnv, NotifierEnv]
      .flatMap((env) => Object.keys(env.properties))
      .flatMap((name) => {
        if (/^REKEY_LIMIT_.*_(CLIENT|ALL)$/.test(name)) return [[name, [hugeQuota]]]
        if (name.startsWith('REKEY_LIMIT_')) return [[name, [hugeQuota, '1000000/1h']]]
        return /^REKEY_(?!TLS_).*_KEY$/.test(name) ? [[name, weakKeys]] : []
      }),
  ),
}

/** Variables that production leaves to the operator, and why. */
const free: Record<string, string> = {
  REKEY_PROFILE: 'chooses production',
  HOST: 'a container listens on every address',
  PORT: 'protects nothing',
  REKEY_ALLOW_PLAINTEXT: 'loopback concerns this machine; mesh is the statement that a mesh encrypts',
  NATS_USER: 'a name',
  NATS_PASSWORD: 'chosen at the broker',
  REKEY_STREAM_REPLICAS: 'a test broker has one server; production requires none for safety of customers',
  REKEY_EVENT_RETRY_HOURS: 'bounded by its schema: 1 to 168',
  REKEY_DRAIN_SECONDS: 'protects nothing',
  REKEY_REQUEST_LOG: 'adds lines without secrets, and hides none that matters to security',
  REKEY_METRICS_PORT: 'protects nothing',
  REKEY_REVISION: 'protects nothing',
  REKEY_METRICS_HOST: 'a container listens on every address; metrics contain no secret',
  ...Object.fromEntries(
    Object.keys(tracingEnv)
      .filter((name) => !/ENDPOINT|_CERTIFICATE$|_KEY$/.test(name))
      .map((name) => [name, 'concerns traces, which have no secret']),
  ),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: 'a certificate is public',
  REKEY_PROXY_TRACES: 'a trace id opens nothing',
  REKEY_REDIS_CLUSTER: 'checked against the server',
  REKEY_BRAND: 'a name',
  REKEY_RP_ID: 'refused at every start if it does not fit REKEY_PUBLIC_URL',
  REKEY_PASSKEY_ORIGINS: 'refused at every start unless each begins with https://',
  REKEY_THEME_DIR: 'checked when it is read',
  REKEY_DEFAULT_CLIENT_ID: 'checked against the registry',
  REKEY_INBOX_URL: 'only a link on a page of the sandbox',
  REKEY_SESSION_HOURS: 'bounded by its schema: 1 to 720',
  REKEY_API_DOCS: 'the documents are public, and say nothing of the installation',
  REKEY_SIGN_IN_CONCURRENCY: 'protects the service, not customers',
  REKEY_CODE_DIGITS: 'bounded by its schema: 6 to 12 (ASVS 6.5.4)',
  REKEY_CODE_TTL_SECONDS: 'bounded by its schema: at most 600 (ASVS 6.5.5)',
  REKEY_IDP_AUDIENCE: 'a name',
  REKEY_IDP_STAFF_AUDIENCE: 'a name; must differ from the other',
  REKEY_IDP_SCOPES: "never staff's, in any profile",
  REKEY_IDP_SUBJECT_CLAIM: 'a name',
  REKEY_CONSOLE_CLIENT_ID: 'a name; requires the identity provider',
  REKEY_CONSOLE_CLIENT_SECRET: 'chosen at the identity provider',
  REKEY_CONSOLE_SCOPE: 'the identity provider decides who gets REST:FULL',
  REKEY_CONSOLE_AUDIENCE_PARAMETER: 'one of three names; a token without the audience is refused',
  REKEY_DATABASE_POOL: 'protects nothing',
  REKEY_PASSWORD_MIN_LENGTH: 'bounded by its schema: 8 to 64 (NIST SP 800-63B-4 §3.1.1.2)',
  REKEY_SIGN_IN_MFA: 'both values are safe: false raises the least length',
  REKEY_PASSWORD_HISTORY: '0 is the default (NIST SP 800-63B-4 asks for none)',
  REKEY_BREACH_TIMEOUT_MS: 'bounded by its schema: 50 to 2000',
  REKEY_BACK_OFFICE_FOUR_EYES: 'both values are allowed',
  REKEY_STAFF_NEEDS_PROOF: 'on unless the operator switches it off: some platforms verify callers in another system',
  REKEY_HASH_CONCURRENCY: 'protects the service, not customers',
  REKEY_HASH_QUEUE: 'protects the service, not customers',
  REKEY_OUTBOX_HOURS: 'bounded by its schema: 1 to 720',
  REKEY_SMTPUTF8: 'a property of the mail server',
  REKEY_SMS_CODES: 'false where there is no SMS vendor',
  REKEY_SMTP_EHLO: 'a name',
  REKEY_CODE_CONNECTIONS: 'protects the service, not customers',
  REKEY_NOTIFICATION_CONNECTIONS: 'protects the service, not customers',
  REKEY_SMS_TOKEN: 'chosen by the vendor',
  REKEY_SMS_UNKNOWN_CODES: 'chosen by the vendor',
  REKEY_SMS_UNREACHABLE_CODES: 'chosen by the vendor',
  REKEY_BOUNCE_PORT: 'a mail counts only with the MAC of its envelope sender',
}

interface Schema {
  default?: unknown
  description?: string
}

/** Variables whose defaults serve the sandbox alone. */
const ownValues = ['REKEY_MAIL_FROM', 'REKEY_CONTACT']

const services: Record<string, { env: { properties: Record<string, Schema> }; production: Production<never> }> = {
  'auth-gateway': { env: GatewayEnv, production: gateway as Production<never> },
  'password-service': { env: PasswordServiceEnv, production: passwordService as Production<never> },
  notifier: { env: NotifierEnv, production: notifier as Production<never> },
}

for (const [service, { env, production }] of Object.entries(services)) {
  const errorsOf = (config: object) => production.rules.flatMap((rule) => rule(config as never))

  t.test(
    `S48: ${service}: production refuses each variable out of bounds, or leaves it free with a reason`,
    async (t) => {
      for (const name of Object.keys(env.properties)) {
        t.not(name in refused, name in free, `${name} is in one of the two tables`)
        for (const value of refused[name] ?? []) {
          const errors = errorsOf({ [name]: value }).filter((error) => error.startsWith(`${name} `))
          t.not(errors.length, 0, `${name} ${value}`)
        }
      }
    },
  )

  t.test(`S48: ${service}: production accepts the defaults`, async (t) => {
    for (const [name, { default: standard }] of Object.entries(env.properties)) {
      if (standard === undefined || ownValues.includes(name)) continue
      t.same(
        errorsOf({ [name]: standard }).filter((error) => error.startsWith(`${name} `)),
        [],
        name,
      )
    }
  })
}

t.test('S48: networks of real proxies are accepted', async (t) => {
  const lists = [
    '',
    '127.0.0.1,::1',
    '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10',
    'fd00::/8',
    '104.16.0.0/13',
  ]
  for (const list of lists) {
    const errors = gateway.rules.flatMap((rule) => rule({ REKEY_TRUSTED_PROXIES: list }))
    t.same(
      errors.filter((error) => error.startsWith('REKEY_TRUSTED_PROXIES')),
      [],
      list,
    )
  }
})

t.test('a list of proxies that is not of addresses and networks is refused in every profile', async (t) => {
  const errorsOf = (list: string) =>
    readConfig(GatewayEnv, { REKEY_TRUSTED_PROXIES: list }).errors.filter((error) =>
      error.startsWith('REKEY_TRUSTED_PROXIES '),
    )
  for (const list of ['', '10.0.0.1', '::1, 10.0.0.0/8 ,', 'fd00::/8', '::ffff:10.0.0.0/104']) {
    t.same(errorsOf(list), [], list)
  }
  const odd = ['10.0.0.0/', '10.0.0.0/x', '10.0.0.0/33', '::/129', '10.0.0.0/8/9', '10.0', '0x7f.0.0.1', 'fe80::1%eth0']
  for (const list of [...odd, 'localhost', '10.0.0.1;10.0.0.2']) t.not(errorsOf(list).length, 0, list)
})

t.test('S48: production refuses a public client with a scope of the back office', async (t) => {
  const client = { client_id: 'app', type: 'public', redirect_uris: [], origins: [], scopes: ['REST:FULL'] }
  const text = JSON.stringify([client])
  t.throws(() => productionParser(undefined)(text), { message: /\/0\/scopes: must not contain REST:FULL/ })
  t.doesNotThrow(() => parseRegistry(text))
})

t.test('one variable has one schema in all services, but for its default and description', async (t) => {
  const all = Object.values(services).flatMap(({ env }) => Object.entries(env.properties))
  for (const [name, schema] of all) {
    const { default: _, description: __, ...rest } = schema
    for (const [, other] of all.filter(([otherName]) => otherName === name)) {
      const { default: _other, description: __other, ...otherRest } = other
      t.same(otherRest, rest, name)
    }
  }
})
