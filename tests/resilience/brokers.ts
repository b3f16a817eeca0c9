import { join } from 'node:path'
import { startNats } from '@rekey/local-servers/nats'
import { freePort } from '@rekey/local-servers/ports'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { restartable, type TestServer } from '@rekey/test-support/restartable'
import { connect } from 'nats'

export interface Brokers {
  servers: TestServer[]
  /** The leader of a stream. @throws Error if there is none at the moment */
  leaderOf(stream: string): Promise<TestServer>
}

const nameOf = (index: number) => `nats-${index + 1}`

/** One NATS server, or a cluster of several. */
export const startBrokers = async (t: Teardown, dataDir: string, count: number): Promise<Brokers> => {
  const routePorts = await Promise.all(Array.from({ length: count }, freePort))
  const servers = await Promise.all(
    routePorts.map(async (routePort, index) => {
      const cluster = { serverName: nameOf(index), routePort, routePorts }
      const server = await restartable((port) =>
        startNats({ dataDir: join(dataDir, nameOf(index)), port, ...(count > 1 && { cluster }) }),
      )
      t.teardown(() => server.stop())
      return server
    }),
  )

  return {
    servers,
    async leaderOf(stream) {
      const connection = await connect({ servers: servers.map(({ url }) => url), timeout: 2_000, reconnect: false })
      try {
        const { cluster } = await (await connection.jetstreamManager({ timeout: 2_000 })).streams.info(stream)
        const leader = servers.find((_server, index) => nameOf(index) === cluster?.leader)
        if (!leader) throw new Error(`${stream} has no leader`)
        return leader
      } finally {
        await connection.close()
      }
    },
  }
}
