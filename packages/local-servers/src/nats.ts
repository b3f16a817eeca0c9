import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './ask.ts'
import { findOnPath } from './command.ts'
import { launch } from './launch.ts'
import { type RunningServer, startServer } from './server.ts'

/** What one server of a cluster knows of all of them. */
export interface NatsCluster {
  /** This server's own, by which the JetStream API names leaders. */
  serverName: string
  /** Where this server listens for the others. */
  routePort: number
  /** Where all of them listen for each other. */
  routePorts: readonly number[]
}

export interface NatsOptions {
  /** Where JetStream keeps its streams. */
  dataDir: string
  port?: number | undefined
  /** Absent: a server by itself. */
  cluster?: NatsCluster | undefined
  binary?: string | undefined
  signal?: AbortSignal | undefined
}

const routeUrl = (port: number) => `nats://127.0.0.1:${port}`

// Clients are not told of the other servers: whoever starts a cluster says by which addresses it is reached.
const clusterArgs = ({ serverName, routePort, routePorts }: NatsCluster) => [
  '--name',
  serverName,
  '--cluster_name',
  'rekey',
  '--cluster',
  routeUrl(routePort),
  '--routes',
  routePorts.map(routeUrl).join(),
  '--no_advertise',
]

// A client whose connection is gone without a word is one that questions and messages still go to, and are lost with,
// until the server asks whether it is there. Of itself it would ask every two minutes.
const settings = 'ping_interval: "2s"\nping_max: 2\n'

const writeSettings = (dataDir: string): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'server.conf')
  writeFileSync(path, settings)
  return path
}

/**
 * Starts a private NATS server with JetStream on 127.0.0.1.
 * @throws Error with the tail of its log when it does not become ready.
 */
export const startNats = ({
  dataDir,
  port,
  cluster,
  binary = findOnPath('nats-server') ?? 'nats-server',
  signal,
}: NatsOptions): Promise<RunningServer> =>
  startServer({
    name: 'NATS',
    dataDir,
    port,
    signal,
    stopSignal: 'SIGTERM',
    url: (port) => `nats://127.0.0.1:${port}`,
    launch: (port) =>
      launch(
        binary,
        [
          ...['-c', writeSettings(dataDir), '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dataDir],
          ...(cluster ? clusterArgs(cluster) : []),
        ],
        { stopSignal: 'SIGTERM' },
      ),
    // The server introduces itself; it takes connections a moment before JetStream has recovered its streams.
    isReady: async (port) => /^INFO .*"jetstream":true/.test(await ask(port)),
  })
