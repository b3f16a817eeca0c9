import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@rekey/stack/ports'
import { startRedis } from '@rekey/stack/redis'
import { Redis } from 'ioredis'
import t from 'tap'
import { isRedisPersistent } from './redis-persistence.ts'

t.test('Redis says whether it keeps what it holds: by its append-only file, or by snapshots', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-redis-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const [keeping, forgetful] = await Promise.all([startRedis({ dataDir }), startRedis()])
  t.teardown(() => Promise.all([keeping.stop(), forgetful.stop()]))
  t.equal(await isRedisPersistent(keeping.url, false), true)
  t.equal(await isRedisPersistent(forgetful.url, false), false)

  const client = new Redis(forgetful.url)
  t.teardown(() => client.disconnect())
  await client.config('SET', 'save', '900 1')
  t.equal(await isRedisPersistent(forgetful.url, false), true)
  await client.acl('SETUSER', 'default', '-config')
  t.equal(await isRedisPersistent(forgetful.url, false), false, 'who may not ask does not know')
})

t.test('a Redis that does not answer says nothing', async (t) => {
  t.equal(await isRedisPersistent(`redis://127.0.0.1:${await freePort()}`, false), undefined)
})
