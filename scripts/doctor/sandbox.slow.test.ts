import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ServiceName } from '@rekey/contracts'
import { generateKeys } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { makeStreams } from '@rekey/platform/streams'
import { writeCertificate } from '@rekey/test-support/certificate'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import t from 'tap'
import { startConfiguredNats } from '../../packages/platform/src/broker.fixture.ts'
import { sealSecret } from '../../services/password-service/src/factor-secrets/factor-secret.ts'
import { newTotp } from '../../services/password-service/src/factor-secrets/totp.ts'
import {
  atPort,
  problemsOf,
  startHttp,
  startLateClock,
  startSilent,
  startStrictSmtp,
  startTls,
} from './breakages.fixture.ts'
import { checksOf } from './checks.ts'
import { type Environments, runDoctor } from './doctor.ts'
import type { Line } from './finding.ts'
import { type Environment, subjectOf } from './subjects.ts'

const rekey = await startRekey(t)
const dir = mkdtempSync(join(tmpdir(), 'rekey-doctor-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
cpSync(join(rekey.keys.authGateway, '..'), keysDir, { recursive: true })
const { redis, nats, postgres, inbox } = rekey
const keySet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'a', kid: 'b', alg: 'EdDSA', use: 'sig' }] }
const outside = await startHttp(t, {
  '/jwks': keySet,
  '/range/00000': `${'0'.repeat(35)}:3\r\n`,
  '/moved': 301,
  '/.well-known/oauth-authorization-server': { issuer: 'https://another.example' },
})
const common = { profile: 'sandbox', publicUrl: rekey.url, natsUrl: nats.url, keysDir } as const
const provider = { REKEY_IDP_ISSUER: outside, REKEY_IDP_AUDIENCE: 'a', REKEY_IDP_JWKS_URL: `${outside}/jwks` }
const sound: Record<ServiceName, Environment> = {
  'auth-gateway': {
    ...gatewayVariables({ ...common, redisUrl: redis.url, passwordServiceUrl: rekey.passwordServiceUrl }),
    ...provider,
    PORT: '1',
  },
  'password-service': {
    ...passwordServiceVariables({ ...common, databaseUrl: postgres.url, gatewayUrl: rekey.url }),
    ...provider,
    REKEY_BREACH_URL: `${outside}/range`,
    PORT: '1',
  },
  notifier: { ...notifierVariables({ ...common, smtpUrl: inbox.smtpUrl, smsUrl: inbox.httpUrl }), PORT: '1' },
}

/** The servers of tests do not sync: the doctor says so of the sandbox's Postgres too. */
const ofTests = 'warn password-service postgres is durable'

const change = (service: ServiceName, variables: Environment): Environments => ({
  [service]: { ...sound[service], ...variables },
})

interface Breakage {
  title: string
  environments: Environments
  /** What must be found, and nothing else. */
  finds: string[]
  /** In a line that is found. */
  says: RegExp
  /** Breaks a server or a file, and returns what repairs it. */
  breakIt?: () => Promise<() => unknown>
}

const admin = new Redis(redis.url)
t.teardown(() => admin.disconnect())
const connection = await connect({ servers: nats.url })
t.teardown(() => connection.close())
const jsm = await connection.jetstreamManager()
const [silent, refused] = [await startSilent(t), await freePort()]
const expired = await writeCertificate(join(dir), { validFrom: new Date(2020, 1, 1), validTo: new Date(2021, 1, 1) })
const expiredAt = {
  redis: await startTls(t, 'direct', expired),
  nats: await startTls(t, 'nats', expired),
  postgres: await startTls(t, 'postgres', expired),
  smtp: await startTls(t, 'smtp', expired),
}
await generateKeys(join(dir, 'others'), 'sandbox')
mkdirSync(join(dir, 'small'))
const small = await startConfiguredNats(
  t,
  join(dir, 'small'),
  `jetstream { store_dir: ${JSON.stringify(join(dir, 'small'))} }\nmax_payload: 4096\n`,
)
const toSmall = await connect({ servers: small.url })
await makeStreams(toSmall, ['NOTIFY', 'MESSAGE'], 1)
await toSmall.close()
const gateway = (variables: Environment) => change('auth-gateway', variables)
const passwords = (variables: Environment) => change('password-service', variables)
const notifier = (variables: Environment) => change('notifier', variables)

const setRedis = (name: string, value: string, before: string) => async () => {
  await admin.config('SET', name, value)
  return () => admin.config('SET', name, before)
}

/** Changes of variables: they disturb no server, so all are tried at once. */
const ofVariables: Breakage[] = [
  {
    title: 'a missing and a malformed variable',
    environments: gateway({ PORT: 'x', REKEY_SESSION_HOURS: '0' }),
    finds: ['FAIL auth-gateway configuration'],
    says: /PORT is not valid.* 0 to 65535/,
  },
  {
    title: 'credentials of a broker by half',
    environments: notifier({ NATS_USER: 'notifier' }),
    finds: ['FAIL notifier configuration', 'FAIL notifier broker connection'],
    says: /NATS_PASSWORD is missing/,
  },
  {
    title: 'a wrong password of Redis',
    environments: gateway({ REDIS_URL: redis.url.replace('//', '//rekey:planted-secret@') }),
    finds: ['FAIL auth-gateway redis connection'],
    says: /WRONGPASS/,
  },
  {
    title: 'a wrong password of Postgres',
    environments: passwords({ DATABASE_URL: postgres.url.replace(/:[^:@]+@/, ':planted-secret@') }),
    finds: ['FAIL password-service database connection'],
    says: /password authentication failed.*: check DATABASE_URL/,
  },
  {
    title: 'a wrong password of the mail server',
    environments: notifier({ SMTP_URL: `smtp://sender:planted-secret@127.0.0.1:${await startStrictSmtp(t)}` }),
    finds: ['FAIL notifier mail server'],
    says: /answers AUTH PLAIN with 535: check user and password in SMTP_URL/,
  },
  ...(
    [
      ['auth-gateway', 'REDIS_URL', 'redis connection', redis.url],
      ['password-service', 'DATABASE_URL', 'database connection', postgres.url],
      ['notifier', 'NATS_URL', 'broker connection', nats.url],
      ['notifier', 'SMTP_URL', 'mail server', inbox.smtpUrl],
      ['notifier', 'REKEY_SMS_URL', 'SMS vendor', inbox.httpUrl],
      ['auth-gateway', 'REKEY_PASSWORD_SERVICE_URL', 'password-service', outside],
      ['password-service', 'REKEY_JWKS_URL', 'gateway keys', outside],
      ['auth-gateway', 'REKEY_IDP_JWKS_URL', 'identity provider', outside],
      ['password-service', 'REKEY_BREACH_URL', 'leaked passwords', outside],
    ] as const
  ).flatMap(([service, variable, check, url]) =>
    [
      { what: 'a refused port', port: refused, says: /ECONNREFUSED|refused|connection closed/i },
      { what: 'a server that hangs', port: silent, says: /no answer|time-?out|timed out|terminated|never received/i },
    ].map(({ what, port, says }) => ({
      title: `${what} in ${variable}`,
      environments: change(service, { [variable]: atPort(url, port) }),
      finds: [`FAIL ${service} ${check}`],
      says,
    })),
  ),
  ...(
    [
      ['auth-gateway', 'redis', { REDIS_URL: `rediss://localhost:${expiredAt.redis}` }],
      [
        'password-service',
        'database',
        { DATABASE_URL: `postgres://a:b@localhost:${expiredAt.postgres}/c?sslmode=verify-full` },
      ],
      ['auth-gateway', 'broker', { NATS_URL: `tls://localhost:${expiredAt.nats}` }],
      ['notifier', 'mail', { SMTP_URL: `smtp://localhost:${expiredAt.smtp}?requireTLS=true` }],
    ] as const
  ).map(([service, server, variables]) => ({
    title: `an expired certificate of the ${server}`,
    environments: change(service, variables),
    finds: [`FAIL ${service} ${server} certificate`],
    says: /expired on 2021-0\d-\d\d: replace the certificate/,
  })),
  {
    title: 'an expired certificate of an HTTPS server',
    environments: notifier({ REKEY_SMS_URL: `https://localhost:${expiredAt.redis}` }),
    finds: ['FAIL notifier https certificates', 'FAIL notifier SMS vendor'],
    says: /expired on/,
  },
  {
    title: 'a clock of Redis that is an hour late',
    environments: gateway({ REDIS_URL: atPort(redis.url, await startLateClock(t, redis.url)) }),
    finds: ['FAIL auth-gateway redis clock'],
    says: /3[56]\d\d\.\d s behind this machine: synchronise/,
  },
  {
    title: 'a clock of Postgres that is an hour late',
    environments: passwords({ DATABASE_URL: atPort(postgres.url, await startLateClock(t, postgres.url)) }),
    finds: ['FAIL password-service database clock'],
    says: /3[56]\d\d\.\d s behind this machine: synchronise/,
  },
  {
    title: 'more connections than Postgres allows',
    environments: passwords({ REKEY_DATABASE_POOL: '200' }),
    finds: ['FAIL password-service postgres is fit'],
    says: /REKEY_DATABASE_POOL is 200, and Postgres allows this role/,
  },
  {
    title: 'a broker that takes too small messages',
    environments: notifier({ NATS_URL: small.url }),
    finds: ['FAIL notifier broker is fit', 'warn notifier consumers'],
    says: /max_payload 4096: 65536 bytes at least are needed/,
  },
  {
    title: 'JWKS of another issuer',
    environments: passwords({ REKEY_JWKS_URL: `${outside}/jwks` }),
    finds: ['FAIL password-service gateway keys'],
    says: /the issuer there is https:\/\/another\.example, not REKEY_PUBLIC_URL/,
  },
  {
    title: 'an SMS vendor that redirects',
    environments: notifier({ REKEY_SMS_URL: `${outside}/moved` }),
    finds: ['FAIL notifier SMS vendor'],
    says: /redirects: name the final URL/,
  },
  {
    title: 'an identity provider without keys',
    environments: gateway({ REKEY_IDP_JWKS_URL: `${outside}/nothing` }),
    finds: ['FAIL auth-gateway identity provider'],
    says: /404 without a JWK Set/,
  },
  {
    title: 'a look-up of leaked passwords that answers something else',
    environments: passwords({ REKEY_BREACH_URL: `${outside}/other` }),
    finds: ['warn password-service leaked passwords'],
    says: /404 without a range/,
  },
  {
    title: 'a theme that does not exist',
    environments: notifier({ REKEY_THEME_DIR: join(dir, 'no-theme') }),
    finds: ['FAIL notifier theme is sound'],
    says: /REKEY_THEME_DIR has a fault/,
  },
  {
    title: 'a bounce domain without a mail host',
    environments: change('notifier', { REKEY_BOUNCE_DOMAIN: 'bounce.invalid' }),
    finds: ['warn notifier mail bounces'],
    says: /no MX record of bounce\.invalid/,
  },
  {
    title: 'an extension of the mail server that is not used',
    environments: { ...passwords({ REKEY_SMTPUTF8: 'false' }), notifier: sound.notifier },
    finds: ['warn notifier mail extensions'],
    says: /set REKEY_SMTPUTF8=true/,
  },
  {
    title: 'keys of another installation',
    environments: { ...sound, ...notifier({ REKEY_SECRETS_FILE: join(dir, 'others/notifier.env') }) },
    finds: ['FAIL all agreement'],
    says: /REKEY_CODE_SEAL_KEY of auth-gateway and of notifier have no common first key/,
  },
  {
    title: 'different origins',
    environments: { ...sound, ...notifier({ REKEY_PUBLIC_URL: 'http://localhost:1' }) },
    finds: ['FAIL all agreement'],
    says: /REKEY_PUBLIC_URL differs between/,
  },
]

const applied = '_prisma_migrations'

/** Changes of servers and files, one at a time. */
const ofServers: Breakage[] = [
  {
    title: 'a file of keys that every account can read',
    environments: gateway({}),
    finds: ['warn auth-gateway file modes'],
    says: /REKEY_SIGNING_KEYS_FILE names a file that every account.*chmod o-rw/,
    async breakIt() {
      chmodSync(join(keysDir, 'signing-keys.json'), 0o644)
      return () => chmodSync(join(keysDir, 'signing-keys.json'), 0o600)
    },
  },
  {
    title: 'an old signing key',
    environments: gateway({}),
    finds: ['warn auth-gateway key ages'],
    says: /REKEY_SIGNING_KEYS_FILE: \d{3} days old, more than 100: npm run keys -- rotate/,
    async breakIt() {
      const path = join(keysDir, 'signing-keys.json')
      utimesSync(path, new Date(), new Date(Date.now() - 200 * 86_400_000))
      return () => utimesSync(path, new Date(), new Date())
    },
  },
  {
    title: 'a Redis that evicts keys',
    environments: gateway({}),
    finds: ['warn auth-gateway redis keeps its data'],
    says: /maxmemory-policy noeviction/,
    breakIt: setRedis('maxmemory-policy', 'allkeys-lru', 'noeviction'),
  },
  {
    title: 'a Redis without the append-only file',
    environments: gateway({}),
    finds: ['warn auth-gateway redis keeps its data'],
    says: /forgets at a restart: turn appendonly on/,
    breakIt: setRedis('appendonly', 'no', 'yes'),
  },
  {
    title: 'a user of Redis with too few rights',
    environments: gateway({ REDIS_URL: redis.url.replace('//', '//reader:secret@') }),
    finds: ['FAIL auth-gateway redis rights'],
    says: /may not run .*HSET.*: give the user the rules of deploy\/redis\/user\.acl/,
    async breakIt() {
      await admin.acl('SETUSER', 'reader', 'on', '>secret', '~*', '+@all', '-@write')
      return () => admin.acl('DELUSER', 'reader')
    },
  },
  {
    title: 'a replica of Redis',
    environments: gateway({}),
    finds: ['FAIL auth-gateway redis is fit'],
    says: /is a replica, which accepts no writes/,
    async breakIt() {
      await admin.replicaof('127.0.0.1', refused)
      return () => admin.replicaof('NO', 'ONE')
    },
  },
  {
    title: 'a migration that is pending',
    environments: passwords({}),
    finds: ['FAIL password-service migrations'],
    says: /pending: 20261202130000_history_entries: npm run migrate/,
    async breakIt() {
      const rename = (from: string, to: string) =>
        sql(postgres.url, `DELETE FROM ${applied} WHERE migration_name = $1`, [to]).then(() =>
          sql(
            postgres.url,
            `UPDATE ${applied} SET migration_name = $2, rolled_back_at = $3 WHERE migration_name = $1`,
            [from, to, to === 'away' ? new Date() : null],
          ),
        )
      await rename('20261202130000_history_entries', 'away')
      return () => rename('away', '20261202130000_history_entries')
    },
  },
  {
    title: 'a migration that this version does not know',
    environments: passwords({}),
    finds: ['warn password-service migrations'],
    says: /unknown to this version: 20990101000000_later/,
    async breakIt() {
      await sql(
        postgres.url,
        `INSERT INTO ${applied} (id, checksum, migration_name, finished_at, applied_steps_count)
         VALUES ('doctor', '', '20990101000000_later', now(), 1)`,
      )
      return () => sql(postgres.url, `DELETE FROM ${applied} WHERE id = 'doctor'`)
    },
  },
  {
    title: 'a role with too few rights',
    environments: passwords({ DATABASE_URL: asRole(postgres.url) }),
    finds: ['FAIL password-service database rights', 'warn password-service migrations'],
    says: /doctor_role lacks SELECT on .*: run deploy\/postgres\/grants\.sql/,
    async breakIt() {
      await sql(postgres.url, `CREATE ROLE doctor_role LOGIN PASSWORD 'a-secret'`)
      return () => sql(postgres.url, 'DROP ROLE doctor_role')
    },
  },
  {
    title: 'second factors that were sealed under a key that is not configured',
    environments: passwords({}),
    finds: ['FAIL password-service factor keys'],
    says: /second factors that the key dropped sealed, and REKEY_FACTOR_SEAL_KEY lacks it.*: add that key/,
    breakIt: () => storeFactor(`dropped:${'A'.repeat(43)}`),
  },
  {
    title: 'second factors that were sealed under another key',
    environments: passwords({}),
    finds: ['FAIL password-service factor keys'],
    says: /a key without an id in REKEY_FACTOR_SEAL_KEY is another than the one that sealed/,
    breakIt: () => storeFactor('A'.repeat(43)),
  },
  {
    title: 'a stream with another setting',
    environments: gateway({}),
    finds: ['FAIL auth-gateway streams'],
    says: /stream AUTH differs in max_msg_size: run npm run streams/,
    async breakIt() {
      const { config } = await jsm.streams.info('AUTH')
      await jsm.streams.update('AUTH', { ...config, max_msg_size: 100_000 })
      return () => jsm.streams.update('AUTH', config)
    },
  },
  {
    title: 'dead letters',
    environments: gateway({}),
    finds: ['warn auth-gateway dead letters'],
    says: /1 dead letters: npm run dead-letters -- list/,
    async breakIt() {
      await connection.jetstream().publish('dead.notify.code', '{}')
      return () => jsm.streams.purge('DEAD')
    },
  },
  {
    title: 'a consumer with another filter',
    environments: notifier({}),
    finds: ['FAIL notifier consumers'],
    says: /notifier-notify-code has ack_wait 30000000000 instead of 10000000000: restart the notifier/,
    async breakIt() {
      const { config } = await jsm.consumers.info('NOTIFY', 'notifier-notify-code')
      await jsm.consumers.update('NOTIFY', 'notifier-notify-code', { ...config, ack_wait: 30_000_000_000 })
      return () => jsm.consumers.update('NOTIFY', 'notifier-notify-code', config)
    },
  },
  {
    title: 'a consumer that is missing',
    environments: passwords({}),
    finds: ['FAIL password-service consumers'],
    says: /consumer password-service-auth-session-revoked is missing: restart the password-service/,
    async breakIt() {
      // While it runs, the service creates its consumers again.
      await rekey.stop('password-service')
      await jsm.consumers.delete('AUTH', 'password-service-auth-session-revoked')
      return () => rekey.restart({})
    },
  },
  {
    title: 'a stream that is missing',
    environments: notifier({}),
    finds: ['FAIL notifier streams'],
    says: /stream MESSAGE is missing: run npm run streams/,
    async breakIt() {
      await jsm.streams.delete('MESSAGE')
      return () => {}
    },
  },
]

function asRole(url: string) {
  const changed = new URL(url)
  changed.username = 'doctor_role'
  changed.password = 'a-secret'
  return changed.href
}

/** Stores a second factor that these keys seal. @returns what deletes it */
async function storeFactor(keys: string) {
  const owner = { id: systemRandom.id(), customerId: (await createCustomer(postgres.url)).id }
  const { sealedSecret, sealKeyId } = sealSecret(toKeys(keys), owner, newTotp())
  await sql(
    postgres.url,
    `INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at)
     VALUES ($1, $2, 'totp', 'phone', $3, $4, now())`,
    [owner.id, owner.customerId, sealedSecret, sealKeyId],
  )
  return () => sql(postgres.url, 'DELETE FROM factor WHERE id = $1', [owner.id])
}

const tried = new Set<string>()

/** Until this and nothing else is found: on a busy machine another server may answer too late. */
const check = async (
  test: Pick<typeof t, 'same' | 'ok' | 'match' | 'notMatch'>,
  { title, environments, finds, says }: Breakage,
) => {
  let problems: string[] = []
  const isFound = async () => {
    const lines = await runDoctor(environments)
    problems = problemsOf(lines).filter((one) => one !== ofTests)
    return isDeepStrictEqual(problems.toSorted(), finds.toSorted()) ? lines : undefined
  }
  const lines = await eventually(isFound, { what: title, intervalMs: 500, timeoutMs: 30_000 }).catch(() => {
    test.same(problems, finds, title)
    return [] as Line[]
  })
  const texts = lines.filter(({ level }) => level !== 'ok').map(({ text, todo }) => (todo ? `${text}: ${todo}` : text))
  test.match(texts.join('\n'), says, title)
  test.notMatch(JSON.stringify(lines), 'planted-secret', `${title}: no secret is shown`)
  for (const one of finds) tried.add(one.replace(/^\S+ \S+ /, ''))
}

t.test('a sound sandbox has no problem', async (t) => {
  await check(t, { title: 'nothing', environments: sound, finds: [], says: /fsync off/ })
  tried.add('postgres is durable')
})

t.test('each wrong variable, and each server that is away, is named, and nothing else', async (t) => {
  const waiting = [...ofVariables]
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await check(t, next)
  }
  await Promise.all(Array.from({ length: 8 }, work))
})

t.test('each fault of a server or a file is named, and nothing else', async (t) => {
  for (const breakage of ofServers) {
    const repair = await breakage.breakIt?.()
    await check(t, breakage).finally(() => repair?.())
  }
})

t.test('every check has a breakage here, or in the tests of production', (t) => {
  const subjects = Object.entries(sound).map(([name, environment]) => subjectOf(name as ServiceName, environment))
  const names = new Set(checksOf(subjects, () => {}).map(({ name }) => name))
  const elsewhere = ['broker rights', 'broker clock']
  t.same(
    [...names].filter((name) => !tried.has(name) && !elsewhere.includes(name)),
    [],
  )
  t.end()
})
