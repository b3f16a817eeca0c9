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

/**
 * Starts a Redis Cluster of masters on loopback, each with its share of the slots. It has no replicas: the slots of a
 * killed master are unavailable until it is back.
 */
export const startRedisCluster = async (t: Teardown, masters = 3) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-redis-cluster-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const nodes = await Promise.all(Array.from({ length: masters }, (_, index) => startNode(join(dir, String(index)))))
  t.teardown(() => Promise.all(nodes.map(({ server }) => server.stop())))
  const servers = nodes.map(({ server }) => server)

  for (const [index, { server }] of nodes.entries()) {
    await withNode(server, async (node) => {
      await node.cluster('SET-CONFIG-EPOCH', index + 1)
      const first = Math.floor((index * slots) / masters)
      await node.call('CLUSTER', 'ADDSLOTSRANGE', first, Math.floor(((index + 1) * slots) / masters) - 1)
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

  return {
    /** URLs of all nodes, comma-separated. */
    url: servers.map(({ url }) => url).join(),
    servers,
    /** The keys on each master. */
    keys: () => Promise.all(servers.map((server) => withNode(server, (node) => node.keys('*')))),
    isWhole: async () => (await Promise.all(servers.map(isWhole))).every(Boolean),
  }
}
