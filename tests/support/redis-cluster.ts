import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@rekey/local-servers/ports'
import { startRedis } from '@rekey/local-servers/redis'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'
import type { Teardown } from './infrastructure.ts'
import { restartable, type TestServer } from './restartable.ts'

const slots = 16_384

const startNode = async (dataDir: string) => {
  const clusterPort = await freePort()
  const server = await restartable((port) => startRedis({ dataDir, port, clusterPort }))
  return { server, clusterPort }
}

/** Runs work on one node, past the cluster client. */
const withNode = async <Result>({ url }: Pick<TestServer, 'url'>, work: (node: Redis) => Promise<Result>) => {
  const node = new Redis(url)
  try {
    return await work(node)
  } finally {
    node.disconnect()
  }
}

interface ClusterOptions {
  masters?: number
  /** True: each master has a replica, which takes over a few seconds after a kill. */
  replicated?: boolean
}

/** `cluster-node-timeout` of a replicated cluster: a node that is silent for so long has failed. */
const nodeTimeoutMs = 2_000

/**
 * Starts a Redis Cluster of masters on loopback, each with its share of the slots. Without replicas the slots of a
 * killed master are unavailable until it is back.
 */
export const startRedisCluster = async (t: Teardown, { masters = 3, replicated = false }: ClusterOptions = {}) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-redis-cluster-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const count = replicated ? masters * 2 : masters
  const nodes = await Promise.all(Array.from({ length: count }, (_, index) => startNode(join(dir, String(index)))))
  t.teardown(() => Promise.all(nodes.map(({ server }) => server.stop())))
  const servers = nodes.map(({ server }) => server)

  for (const [index, { server }] of nodes.entries()) {
    await withNode(server, async (node) => {
      await node.cluster('SET-CONFIG-EPOCH', index + 1)
      if (replicated) await node.config('SET', 'cluster-node-timeout', nodeTimeoutMs)
      const first = Math.floor((index * slots) / masters)
      const last = Math.floor(((index + 1) * slots) / masters) - 1
      if (index < masters) await node.call('CLUSTER', 'ADDSLOTSRANGE', first, last)
      for (const other of nodes.slice(0, index)) {
        const { port } = new URL(other.server.url)
        await node.call('CLUSTER', 'MEET', '127.0.0.1', port, other.clusterPort)
      }
    })
  }
  const isWhole = (server: TestServer) =>
    withNode(server, async (node) => {
      const info = String(await node.cluster('INFO'))
      return info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}`)
    })
  await eventually(async () => (await Promise.all(servers.map(isWhole))).every(Boolean), { what: 'the Redis Cluster' })
  for (const [index, replica] of servers.slice(masters).entries()) {
    const master = await withNode(servers[index] as TestServer, async (node) => String(await node.cluster('MYID')))
    await withNode(replica, async (node) => {
      await node.cluster('REPLICATE', master)
      await eventually(async () => (await node.info('replication')).includes('master_link_status:up'), {
        what: 'a replica of the Redis Cluster',
      })
    })
  }

  return {
    /** URLs of all nodes, comma-separated. */
    url: servers.map(({ url }) => url).join(),
    servers,
    /** The keys on each master. */
    keys: () => Promise.all(servers.map((server) => withNode(server, (node) => node.keys('*')))),
    isWhole: async () => (await Promise.all(servers.map(isWhole))).every(Boolean),
  }
}
