import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { Flag, Key, loadConfig, serviceEnv, Url, Urls } from './config.ts'
import { toProxyList } from './trusted-proxies.ts'

const Env = Type.Object({
  ...serviceEnv,
  DATABASE_URL: Url('postgres', { description: 'Database.' }),
  REKEY_KEY: Key('Encrypts.'),
  REKEY_FLAG: Flag({ description: 'Flag.', default: false }),
})
const good = {
  REKEY_PROFILE: 'sandbox',
  PORT: '8080',
  NATS_URL: 'nats://127.0.0.1:4222',
  DATABASE_URL: 'postgres://u:hunter2@127.0.0.1/db',
  REKEY_KEY: 'A'.repeat(43),
}

/** The message of a refused configuration. */
const messageOf = (work: () => unknown): string => {
  try {
    work()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

t.test('variables are converted to numbers and flags, and defaults are filled in', async (t) => {
  t.match(loadConfig(Env, { ...good, REKEY_FLAG: 'true' }), {
    PORT: 8080,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    REKEY_STREAM_REPLICAS: 1,
    REKEY_FLAG: true,
  })
})

t.test('every error is reported at once with its variable, and no value is repeated', async (t) => {
  const env = { PORT: 'eighty', REKEY_PROFILE: 'demo', DATABASE_URL: 'mysql://u:hunter2@h/db', REKEY_KEY: 'tooshort' }
  t.throws(() => loadConfig(Env, env), { name: 'ConfigError' })
  const message = messageOf(() => loadConfig(Env, env))
  for (const name of ['PORT', 'REKEY_PROFILE', 'NATS_URL', 'DATABASE_URL', 'REKEY_KEY']) t.match(message, name)
  t.match(message, 'NATS_URL is missing')
  t.match(message, 'Allowed: sandbox, production')
  t.match(message, 'Allowed: 0 to 65535')
  for (const value of ['hunter2', 'tooshort', 'eighty']) t.notMatch(message, value)
})

t.test('S36: a malformed URL is reported without its password', async (t) => {
  const WithRedis = Type.Object({ ...Env.properties, REDIS_URL: Urls('rediss?', { description: 'Redis.' }) })
  const redis = { ...good, REDIS_URL: 'rediss://u:p%2Fss@a:1,rediss://:p@b' }
  t.match(loadConfig(WithRedis, redis), redis)
  for (const url of [
    'rediss://u:hunter2/ss@h',
    'rediss://u:hunter2#ss@h',
    'rediss://u:hunter2%s@h',
    'rediss://a,rediss://u:hunter2/ss@h',
    'rediss://u:hunter2,ss@h',
  ]) {
    const message = messageOf(() => loadConfig(WithRedis, { ...redis, REDIS_URL: url }))
    t.match(message, 'REDIS_URL is not valid. Redis. A URL: percent-encode', url)
    t.notMatch(message, 'hunter2', url)
  }
  const message = messageOf(() => loadConfig(WithRedis, { ...redis, DATABASE_URL: 'postgres://u:hunter2/x@h/db' }))
  t.match(message, 'DATABASE_URL is not valid.')
  t.notMatch(message, 'hunter2')
})

t.test('an empty variable counts as not set', async (t) => {
  t.match(loadConfig(Env, { ...good, LOG_LEVEL: '' }), { LOG_LEVEL: 'info' })
  t.match(
    messageOf(() => loadConfig(Env, { ...good, REKEY_KEY: '' })),
    'REKEY_KEY is missing',
  )
})

t.test('S36: secrets are read from a file, and the environment has precedence', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-config-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'secrets')
  writeFileSync(file, `REKEY_KEY=${'B'.repeat(43)}\nPORT=1\n`)
  const { REKEY_KEY: _, ...rest } = good
  t.match(loadConfig(Env, { ...rest, REKEY_SECRETS_FILE: file }), { REKEY_KEY: 'B'.repeat(43), PORT: 8080 })
  t.match(
    messageOf(() => loadConfig(Env, { ...good, REKEY_SECRETS_FILE: join(dir, 'none') })),
    'REKEY_SECRETS_FILE cannot be read: ENOENT',
  )
})

t.test('a list of proxies is split, and an empty list is no proxy', async (t) => {
  t.same(toProxyList(' 10.0.0.0/8, 127.0.0.1 ,'), ['10.0.0.0/8', '127.0.0.1'])
  t.same(toProxyList(''), [])
})
