import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeys, keyFiles, nkeyFile } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { runToItsEnd } from '@rekey/test-support/service-process'
import t from 'tap'
import { assertErrors, demoClients, errorsOf, evict, startVolatileRedis } from './refusal.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-refusal-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
await generateKeys(join(dir, 'sandbox'), 'sandbox')
await generateKeys(join(dir, 'production'))
const sandbox = keyFiles(join(dir, 'sandbox'))
const production = keyFiles(join(dir, 'production'))

const write = (name: string, text: string) => {
  const path = join(dir, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

t.test('a gateway reports every configuration error at once, and no value', async (t) => {
  const volatile = await startVolatileRedis(t)
  await evict(volatile.url)
  const env = {
    REKEY_PROFILE: 'production',
    NATS_URL: 'nats://127.0.0.1:4222',
    REDIS_URL: volatile.url,
    REKEY_PUBLIC_URL: 'http://rekey.example',
    REKEY_PASSWORD_SERVICE_URL: 'http://passwords.internal:8080',
    REKEY_CHANGE_PASSWORD_URL: 'http://bank.example/password',
    REKEY_CLIENTS_FILE: write('demo-clients.json', JSON.stringify(demoClients)),
    REKEY_DEFAULT_CLIENT_ID: 'back_office',
    REKEY_SIGNING_KEYS_FILE: sandbox.signingKeys,
    REKEY_SECRETS_FILE: sandbox.authGateway,
    REKEY_MFA_TOKEN_KEY: 'short',
    REKEY_CODE_KEY: 'A'.repeat(43),
    REKEY_IDP_ISSUER: 'http://login.example',
    REKEY_LIMITS_SCALE: '1000',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  }
  const errors = await errorsOf(t, 'auth-gateway', env)
  assertErrors(t, errors, [
    'REKEY_MFA_TOKEN_KEY is not valid.',
    'REKEY_CODE_KEY is not 32 random bytes',
    'REKEY_ACCOUNT_KEY is a key of the sandbox',
    'REKEY_CODE_SEAL_KEY is a key of the sandbox',
    'REKEY_USERNAME_SEAL_KEY is a key of the sandbox',
    'REKEY_REFRESH_KEY is a key of the sandbox',
    'REKEY_SIGNING_KEYS_FILE /keys/0/kid: is a key of the sandbox',
    'REKEY_CLIENTS_FILE /0/client_id: is a client of the sandbox',
    'REKEY_CLIENTS_FILE /1/secret_sha256: is a secret of the sandbox',
    'REKEY_CLIENTS_FILE /1/redirect_uris: must be https',
    'REKEY_CLIENTS_FILE /1/origins: must be https',
    'REKEY_DEFAULT_CLIENT_ID is no client',
    'REKEY_CONTACT is missing',
    'REKEY_LIMITS_SCALE is not 1',
    'NODE_TLS_REJECT_UNAUTHORIZED is 0',
    'NATS_URL is without TLS',
    'NATS_NKEY_FILE is missing',
    'REDIS_URL is without TLS',
    'REDIS_URL is without a password',
    'REDIS_URL is a Redis that forgets',
    'REDIS_URL is a Redis that drops keys',
    'REKEY_PUBLIC_URL is without TLS',
    'REKEY_PASSWORD_SERVICE_URL is without TLS',
    'REKEY_CHANGE_PASSWORD_URL is without TLS',
    'REKEY_IDP_ISSUER is without TLS',
    'REKEY_IDP_AUDIENCE is missing',
    'REKEY_IDP_JWKS_URL is missing',
  ])
  const secrets = [...readFileSync(sandbox.authGateway, 'utf8').matchAll(/=(.+)/g)].map(([, secret]) => secret ?? '')
  for (const value of [...secrets, 'A'.repeat(43), 'secretkey']) t.notMatch(errors.join('\n'), value)
})

t.test('a password-service reports every configuration error at once, and no value', async (t) => {
  const env = {
    REKEY_PROFILE: 'production',
    REKEY_ALLOW_PLAINTEXT: 'loopback',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NATS_URL: 'nats://nats.internal:4222',
    NATS_USER: 'password-service',
    DATABASE_URL: 'postgresql://rekey@127.0.0.1/rekey?host=db.internal&sslmode=require&uselibpqcompat=true',
    REKEY_PUBLIC_URL: 'http://rekey.example',
    REKEY_JWKS_URL: 'http://rekey.example/jwks',
    REKEY_BREACH_URL: 'http://breaches.example/range',
    REKEY_SECRETS_FILE: sandbox.passwordService,
    REKEY_REQUIRE_CURRENT_PASSWORD: 'false',
    REKEY_PASSWORD_BLOCKLIST: 'false',
    REKEY_PASSWORD_MIN_LENGTH: '6',
  }
  const wanted = [
    'REKEY_PASSWORD_MIN_LENGTH is not valid.',
    'REKEY_USERNAME_SEAL_KEY is a key of the sandbox',
    'REKEY_ADDRESS_SEAL_KEY is a key of the sandbox',
    'REKEY_REPORT_KEY is a key of the sandbox',
    'REKEY_FACTOR_SEAL_KEY is a key of the sandbox',
    'REKEY_PASSWORD_PEPPERS is missing',
    'REKEY_REQUIRE_CURRENT_PASSWORD is false',
    'REKEY_PASSWORD_BLOCKLIST is false',
    'REKEY_RESTORE_PROOFS is missing',
    'NODE_TLS_REJECT_UNAUTHORIZED is 0',
    'NATS_PASSWORD is missing',
    'NATS_URL is without TLS',
    'DATABASE_URL is without TLS',
    'DATABASE_URL is without a password',
    'REKEY_PUBLIC_URL is without TLS',
    'REKEY_JWKS_URL is without TLS',
    'REKEY_BREACH_URL is without TLS',
  ]
  assertErrors(t, await errorsOf(t, 'password-service', env), wanted)

  const pepper = `p1:sandbox_${'Ab3-_'.repeat(7)}`
  const peppered = await errorsOf(t, 'password-service', { ...env, REKEY_PASSWORD_PEPPERS: pepper })
  assertErrors(
    t,
    peppered,
    wanted.map((error) => (error.includes('PEPPERS') ? 'REKEY_PASSWORD_PEPPERS is a key of the sandbox' : error)),
  )
})

/** A theme with two faults. */
const brokenTheme = join(dir, 'theme')
mkdirSync(join(brokenTheme, 'texts/messages'), { recursive: true })
write('theme/theme.json', JSON.stringify({ contact: 5 }))
write('theme/texts/messages/de.json', JSON.stringify({ 'code.restore.title': '{nothing}' }))
const themeErrors = [
  `REKEY_THEME_DIR has a fault: ${join(brokenTheme, 'theme.json')}: /contact`,
  `REKEY_THEME_DIR has a fault: ${join(brokenTheme, 'texts/messages/de.json')}: code.restore.title`,
]

t.test('a notifier of the sandbox names each fault of its theme, and ends', async (t) => {
  const errors = await errorsOf(t, 'notifier', {
    REKEY_PROFILE: 'sandbox',
    REKEY_PUBLIC_URL: 'http://localhost:8080',
    REKEY_THEME_DIR: brokenTheme,
    NATS_URL: 'nats://127.0.0.1:9',
    SMTP_URL: 'smtp://127.0.0.1:9',
    REKEY_SECRETS_FILE: sandbox.notifier,
  })
  assertErrors(t, errors, themeErrors)
})

t.test('a notifier reports every configuration error at once, and no value', async (t) => {
  const env = {
    REKEY_PROFILE: 'production',
    REKEY_PUBLIC_URL: 'http://rekey.example',
    REKEY_THEME_DIR: brokenTheme,
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NATS_URL: 'nats://127.0.0.1:4222',
    NATS_NKEY_FILE: write('no.nk', 'not a seed'),
    SMTP_URL: 'smtp://sender:hunter2@mail.example:25?ignoreTLS=true',
    REKEY_SMS_URL: 'http://sms.example/send',
    REKEY_SECRETS_FILE: sandbox.notifier,
    REKEY_ADDRESS_SEAL_KEY: /^REKEY_CODE_SEAL_KEY=(.*)$/m.exec(readFileSync(sandbox.notifier, 'utf8'))?.[1] ?? '',
  }
  const errors = await errorsOf(t, 'notifier', env)
  assertErrors(t, errors, [
    'REKEY_CODE_SEAL_KEY is a key of the sandbox',
    'REKEY_ADDRESS_SEAL_KEY is a key of the sandbox',
    'REKEY_ADDRESS_SEAL_KEY equals REKEY_CODE_SEAL_KEY',
    'SMTP_URL is plaintext',
    'SMTP_URL has a parameter that production refuses',
    'REKEY_MAIL_FROM is missing',
    'REKEY_CONTACT is missing',
    'REKEY_PUBLIC_URL is without TLS',
    'REKEY_SMS_URL is without TLS',
    'NODE_TLS_REJECT_UNAUTHORIZED is 0',
    'NATS_NKEY_FILE names a file that does not contain',
    'NATS_URL is without TLS',
    ...themeErrors,
  ])
  t.notMatch(errors.join('\n'), 'hunter2')
})

t.test('a gateway ends with the reason if its Redis starts later and has no persistence', async (t) => {
  const port = await freePort()
  const env = {
    REKEY_PROFILE: 'production',
    REKEY_ALLOW_PLAINTEXT: 'loopback',
    NATS_URL: 'nats://127.0.0.1:4222',
    REDIS_URL: `redis://127.0.0.1:${port}`,
    REKEY_PUBLIC_URL: 'https://rekey.example',
    REKEY_PASSWORD_SERVICE_URL: 'https://passwords.internal',
    REKEY_CLIENTS_FILE: write('clients.json', '[]'),
    REKEY_CONTACT: '+44 20 7946 0123',
    REKEY_SIGNING_KEYS_FILE: production.signingKeys,
    REKEY_SECRETS_FILE: production.authGateway,
    PORT: String(await freePort()),
  }
  const ended = runToItsEnd('auth-gateway', env)
  await eventually(async () => (await fetch(`http://127.0.0.1:${env.PORT}/healthz`)).ok)
  await startVolatileRedis(t, port)
  const { code, stderr } = await ended
  t.equal(code, 1)
  t.match(stderr, 'REDIS_URL is a Redis that forgets at a restart')
})

t.test(
  'production refuses files of secrets that other accounts can read, with one error each',
  { skip: process.platform === 'win32' && 'platform: Windows has no such modes' },
  async (t) => {
    await generateKeys(join(dir, 'open'))
    const open = keyFiles(join(dir, 'open'))
    const seed = nkeyFile(join(dir, 'open'), 'auth-gateway')
    for (const path of [open.authGateway, open.signingKeys, seed]) chmodSync(path, 0o644)
    const env = {
      REKEY_PROFILE: 'production',
      NATS_URL: `tls://127.0.0.1:${await freePort()}`,
      NATS_NKEY_FILE: seed,
      REDIS_URL: `rediss://user:secret@127.0.0.1:${await freePort()}`,
      REKEY_PUBLIC_URL: 'https://rekey.example',
      REKEY_PASSWORD_SERVICE_URL: 'https://passwords.internal',
      REKEY_CLIENTS_FILE: write('clients-of-a-bank.json', '[]'),
      REKEY_CONTACT: '+44 20 7946 0123',
      REKEY_SIGNING_KEYS_FILE: open.signingKeys,
      REKEY_SECRETS_FILE: open.authGateway,
    }
    const error = 'names a file that every account of this machine can read or write'
    assertErrors(
      t,
      await errorsOf(t, 'auth-gateway', env),
      ['REKEY_SECRETS_FILE', 'REKEY_SIGNING_KEYS_FILE', 'NATS_NKEY_FILE'].map((name) => `${name} ${error}`),
    )
  },
)

t.test('the sandbox also refuses a Postgres whose settings make results wrong', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  await sql(
    postgres.url,
    `CREATE FUNCTION set_zone() RETURNS event_trigger LANGUAGE plpgsql AS
     $$ BEGIN PERFORM set_config('TimeZone', 'Asia/Kolkata', false); END $$`,
  )
  await sql(postgres.url, 'CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION set_zone()')
  const env = {
    REKEY_PROFILE: 'sandbox',
    NATS_URL: `nats://127.0.0.1:${await freePort()}`,
    DATABASE_URL: postgres.url,
    REKEY_DATABASE_POOL: '200',
    REKEY_PUBLIC_URL: 'http://localhost:8080',
    REKEY_JWKS_URL: 'http://localhost:8080/.well-known/jwks.json',
    REKEY_SECRETS_FILE: sandbox.passwordService,
  }
  assertErrors(t, await errorsOf(t, 'password-service', env), [
    'DATABASE_URL gives connections with TimeZone Asia/Kolkata',
    'REKEY_DATABASE_POOL is 200, and Postgres allows this role',
  ])
})

t.test('production refuses a Postgres that may lose committed data, which the sandbox accepts', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: 'private' })
  const errors = await errorsOf(t, 'password-service', {
    REKEY_PROFILE: 'production',
    REKEY_ALLOW_PLAINTEXT: 'loopback',
    NATS_URL: `nats://127.0.0.1:${await freePort()}`,
    DATABASE_URL: postgres.url,
    REKEY_PUBLIC_URL: 'https://rekey.example',
    REKEY_JWKS_URL: 'https://rekey.example/jwks',
    REKEY_SECRETS_FILE: production.passwordService,
    REKEY_RESTORE_PROOFS: 'enrolled',
  })
  assertErrors(t, errors, [
    'DATABASE_URL is a Postgres with fsync off',
    'DATABASE_URL is a Postgres with full_page_writes off',
  ])
})
