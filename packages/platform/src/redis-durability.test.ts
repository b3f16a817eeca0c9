import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@rekey/local-servers/ports'
import { startRedis } from '@rekey/local-servers/redis'
import { Redis } from 'ioredis'
import t from 'tap'
import { redisLosses } from './redis-durability.ts'

/** The losses that Redis reports, once it answers. */
const lossesOf = async (url: string) => {
  const losses = await redisLosses(url, false)
  return losses && [...losses]
}

t.test('Redis with an append-only file or snapshots keeps its data at a restart', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-redis-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const [keeping, forgetful] = await Promise.all([startRedis({ dataDir }), startRedis()])
  t.teardown(() => Promise.all([keeping.stop(), forgetful.stop()]))
  t.same(await lossesOf(keeping.url), [])
  t.same(await lossesOf(forgetful.url), ['at a restart'])

  const client = new Redis(forgetful.url)
  t.teardown(() => client.disconnect())
  await client.config('SET', 'save', '900 1')
  t.same(await lossesOf(forgetful.url), [])
  await client.acl('SETUSER', 'default', '-config')
  t.same(await lossesOf(forgetful.url), ['at a restart'], 'without the permission for CONFIG')
})

t.test('S25: a Redis that evicts lockouts and sessions when its memory is full is detected', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  await client.config('SET', 'save', '900 1')
  for (const policy of ['allkeys-lru', 'allkeys-lfu', 'volatile-ttl']) {
    await client.config('SET', 'maxmemory-policy', policy)
    t.same(await lossesOf(redis.url), ['when its memory is full'], policy)
  }
  await client.config('SET', 'maxmemory-policy', 'noeviction')
  t.same(await lossesOf(redis.url), [])
})

t.test('a Redis that does not answer has no result', async (t) => {
  t.equal(await redisLosses(`redis://127.0.0.1:${await freePort()}`, false), undefined)
})
