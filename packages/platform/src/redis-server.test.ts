import { freePort } from '@rekey/local-servers/ports'
import { startRedis } from '@rekey/local-servers/redis'
import { eventually } from '@rekey/test-support/eventually'
import { startRedisCluster } from '@rekey/test-support/redis-cluster'
import { Redis } from 'ioredis'
import t from 'tap'
import { redisServerFaults } from './redis-server.ts'

t.test('a master is taken, and one line refuses its replica', async (t) => {
  const [master, replica] = await Promise.all([startRedis(), startRedis()])
  t.teardown(() => Promise.all([master.stop(), replica.stop()]))
  t.same(await redisServerFaults(master.url, false), [])
  const client = new Redis(replica.url)
  t.teardown(() => client.disconnect())
  await client.replicaof('127.0.0.1', Number(new URL(master.url).port))
  await eventually(async () => (await redisServerFaults(replica.url, false))?.length === 1, { what: 'a replica' })
  t.match(await redisServerFaults(replica.url, false), [
    /^REDIS_URL is a replica, which takes no writes: name its master/,
  ])
})

t.test('one line refuses a cluster for a server by itself, and the other way round', async (t) => {
  const cluster = await startRedisCluster(t)
  t.same(await redisServerFaults(cluster.url, true), [])
  t.match(await redisServerFaults(cluster.url, false), [/^REKEY_REDIS_CLUSTER is not set, and .*: set it to true\.$/])
  const single = await startRedis()
  t.teardown(() => single.stop())
  t.match(await redisServerFaults(single.url, true), [/^REKEY_REDIS_CLUSTER is true, and .*: leave it unset\.$/])
})

t.test('a Redis that is away is asked again, and some nodes of a cluster may be', async (t) => {
  const away = `redis://127.0.0.1:${await freePort()}`
  t.equal(await redisServerFaults(away, false), undefined)
  const single = await startRedis()
  t.teardown(() => single.stop())
  t.same(await redisServerFaults(`${away},${single.url}`, false), [])
})
