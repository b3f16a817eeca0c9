import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { restore, restoreGrant, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'
import { createSessionClient, invalidGrant } from './sessions.fixture.ts'

const rekey = await startRekey(t)
const { http, redis, dataDir } = rekey
const { refresh, openChange } = createSessionClient(rekey)
const redisDir = join(dataDir, 'redis')
const copyDir = join(dataDir, 'redis-copy')

const isReady = () => eventually(rekey.isReady, { what: 'every service to be ready' })

const copyRedis = async () => {
  await redis.stop()
  rmSync(copyDir, { recursive: true, force: true })
  cpSync(redisDir, copyDir, { recursive: true })
  await redis.restart()
  await isReady()
}
const replaceRedis = async ({ empty }: { empty: boolean }) => {
  await redis.stop()
  rmSync(redisDir, { recursive: true, force: true })
  if (!empty) cpSync(copyDir, redisDir, { recursive: true })
  await redis.restart()
}
const readAgain = () => rekey.logs.filter((line) => line.includes('"ended_sessions_read_again"'))

const setPassword = async (person: TestCustomer) => {
  const grant = await restoreGrant(rekey, person)
  const isSet = async () => (await restore(rekey, grant, 'birch anchor 52 tidal')).status === 204
  await eventually(isSet, { what: 'the restore' })
}

/** Begins sessions, copies Redis, and ends one by a restore and one by its client. */
const endAfterCopy = async () => {
  const [restoring, revoking, staying] = [1, 2, 3].map(() => createCustomer(rekey.postgres.url))
  const people = { restored: await restoring, revoked: await revoking, kept: await staying }
  const begin = async (person?: TestCustomer) =>
    person ? signInTokens(rekey, person) : { access_token: '', refresh_token: '' }
  const tokens = {
    restored: await begin(people.restored),
    revoked: await begin(people.revoked),
    kept: await begin(people.kept),
  }
  await copyRedis()
  if (people.restored) await setPassword(people.restored)
  await http.post('/oauth/v2/revoke', { token: tokens.revoked.refresh_token, client_id: 'ib_localhost' })
  await eventually(async () => (await openChange(tokens.restored.access_token)).status === 401, { what: 'the end' })
  return tokens
}

t.test('S21: a Redis that is restored from an older copy does not revive ended sessions', async (t) => {
  const { restored, revoked, kept } = await endAfterCopy()
  const before = readAgain().length
  await replaceRedis({ empty: false })
  // At once, while the streams are read: unavailable or refused, never served.
  const early = await Promise.all([refresh(restored.refresh_token), refresh(revoked.refresh_token)])
  for (const { status } of early) t.not(status, 200)
  await isReady()
  await eventually(async () => (await openChange(kept.access_token)).status === 200, { what: 'another session' })
  t.match(await refresh(restored.refresh_token), invalidGrant)
  t.match(await refresh(revoked.refresh_token), invalidGrant)
  t.equal((await openChange(restored.access_token)).status, 401)
  t.equal((await openChange(revoked.access_token)).status, 401)
  t.equal((await refresh(kept.refresh_token)).status, 200)
  t.equal(readAgain().length, before + 1)
})

t.test('S21: an empty Redis refuses access tokens of ended sessions', async (t) => {
  const { restored, revoked, kept } = await endAfterCopy()
  await replaceRedis({ empty: true })
  await isReady()
  await eventually(async () => (await openChange(kept.access_token)).status === 200, { what: 'another session' })
  t.equal((await openChange(restored.access_token)).status, 401)
  t.equal((await openChange(revoked.access_token)).status, 401)
})

t.test('the streams are read again from the stored position, and not after a mere reconnect', async (t) => {
  const client = new Redis(redis.url)
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const position = () => client.hgetall('rekey:{ended-sessions}:position')
  // The second round stores the position of the first, ten seconds later.
  const isStored = async () => Number((await position()).PASSWORD) > 0
  await eventually(isStored, { timeoutMs: 60_000, what: 'a position' })
  const { identity } = await position()
  const before = readAgain().length
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await isReady()
  t.equal(readAgain().length, before)
  await redis.restart()
  await eventually(async () => (await position()).identity !== identity, { what: 'another Redis to be noticed' })
  t.equal(readAgain().length, before + 1)
  t.match(readAgain().at(-1), /"after":\{"PASSWORD":\d+,"AUTH":\d+\}/)
})

t.test('/readyz names ended sessions while they cannot be read', async (t) => {
  const checks = async () => (await http.get('/readyz')).body.checks
  const are = (expected: object) => async () => isDeepStrictEqual(await checks(), expected)
  await rekey.nats.pause()
  await redis.restart()
  await eventually(are({ redis: 'ok', nats: 'unavailable', ended_sessions: 'unavailable' }), { what: 'the outage' })
  const { status, body } = await http.get('/readyz')
  t.equal(status, 200, 'other routes are served')
  t.match(body.degraded, { ended_sessions: 'unavailable: requests that need it are answered 503' })
  rekey.nats.resume()
  await eventually(are({ redis: 'ok', nats: 'ok', ended_sessions: 'ok' }), { what: 'the end of the outage' })
})
