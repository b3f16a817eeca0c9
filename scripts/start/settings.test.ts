import { test } from 'tap'
import { metricsPortOf, placeMetrics, readSettings } from './settings.ts'

const root = '/somewhere'

test('every setting has a default', async (t) => {
  t.match(readSettings([], {}, root), {
    mode: 'run',
    fresh: false,
    port: 8080,
    inboxPort: 8025,
    providerPort: 8026,
    dataDir: '/somewhere/.rekey',
    urls: { database: undefined, redis: undefined, nats: undefined },
  })
})

test('metrics are on the first three free ports in a row from 9464 on, or on those of the variable', async (t) => {
  const settings = readSettings([], {}, root)
  const free = await placeMetrics(settings, async () => true)
  t.same(
    (['auth-gateway', 'password-service', 'notifier'] as const).map((name) => metricsPortOf(free, name)),
    [9464, 9465, 9466],
  )
  t.equal((await placeMetrics(settings, async (port) => port > 9468)).metricsPort, 9470)
  t.equal((await placeMetrics(settings, async () => false)).metricsPort, 9464)
  const chosen = readSettings([], { REKEY_METRICS_PORT: '9000' }, root)
  t.equal((await placeMetrics(chosen, async () => false)).metricsPort, 9000)
})

test('options and variables set the ports and folders', async (t) => {
  const env = { PORT: '9000', REKEY_DATA_DIR: '/tmp/other', NATS_URL: 'nats://127.0.0.1:4222' }
  t.match(readSettings(['--check', '--fresh'], env, root), {
    mode: 'check',
    fresh: true,
    port: 9000,
    dataDir: '/tmp/other',
    urls: { nats: 'nats://127.0.0.1:4222' },
  })
})

test('an identity provider of one’s own takes the place of the demo provider', async (t) => {
  t.equal(readSettings([], { REKEY_IDP_ISSUER: 'https://id.bank.example' }, root).providerPort, undefined)
})

test('an invalid option is refused with one line that names it', async (t) => {
  const refused: [string[], Record<string, string>, RegExp][] = [
    [['--wipe'], {}, /--wipe/],
    [['now'], {}, /now/],
    [[], { PORT: 'http' }, /^PORT /],
    [[], { PORT: '70000' }, /^PORT /],
    [[], { INBOX_PORT: '0' }, /^INBOX_PORT /],
    [[], { PORT: '8025' }, /PORT and INBOX_PORT/],
    [[], { PORT: '8026' }, /PORT and PROVIDER_PORT/],
    [[], { PROVIDER_PORT: 'none' }, /^PROVIDER_PORT /],
    [[], { DATABASE_URL: 'mysql://localhost/x' }, /^DATABASE_URL /],
    [[], { REDIS_URL: 'localhost:6379' }, /^REDIS_URL /],
    [[], { REKEY_PROFILE: 'production' }, /REKEY_PROFILE=production/],
  ]
  for (const [args, env, message] of refused) t.throws(() => readSettings(args, env, root), { message })
})
