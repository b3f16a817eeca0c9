import { freePort } from '@rekey/local-servers/ports'
import { startRedis } from '@rekey/local-servers/redis'
import { eventually } from '@rekey/test-support/eventually'
import { startRedisCluster } from '@rekey/test-support/redis-cluster'
import { Redis } from 'ioredis'
import t from 'tap'
import { redisServerErrors } from './redis-server.ts'

t.test('a master is accepted, and a replica is refused in one line', async (t) => {
  const [master, replica] = await Promise.all([startRedis(), startRedis()])
  t.teardown(() => Promise.all([master.stop(), replica.stop()]))
  t.same(await redisServerErrors(master.url, false), [])
  const client = new Redis(replica.url)
  t.teardown(() => client.disconnect())
  await client.replicaof('127.0.0.1', Number(new URL(master.url).port))
  await eventually(async () => (await redisServerErrors(replica.url, false))?.length === 1, { what: 'a replica' })
  t.match(await redisServerErrors(replica.url, false), [
    /^REDIS_URL is a replica, which accepts no writes: name the master/,
  ])
})

t.test('a cluster that is configured as a single server is refused in one line, and the other way round', async (t) => {
  const cluster = await startRedisCluster(t)
  t.same(await redisServerErrors(cluster.url, true), [])
  t.match(await redisServerErrors(cluster.url, false), [
    /^REKEY_REDIS_CLUSTER is not set although .*: set it to true\.$/,
  ])
  const single = await startRedis()
  t.teardown(() => single.stop())
  t.match(await redisServerErrors(single.url, true), [/^REKEY_REDIS_CLUSTER is true although .*: leave it unset\.$/])
})

t.test('a Redis that is unavailable is queried again, and some nodes of a cluster may be unavailable', async (t) => {
  const away = `redis://127.0.0.1:${await freePort()}`
  t.equal(await redisServerErrors(away, false), undefined)
  const single = await startRedis()
  t.teardown(() => single.stop())
  t.same(await redisServerErrors(`${away},${single.url}`, false), [])
})
