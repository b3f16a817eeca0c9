import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findOnPath } from './command.ts'
import { exchangeLine } from './exchange-line.ts'
import { launch } from './launch.ts'
import { type RunningServer, startServer } from './server.ts'

/** Settings of one server of a cluster. */
export interface NatsCluster {
  /** Name of this server: the JetStream API names leaders by it. */
  serverName: string
  /** Port on which this server listens for the other servers. */
  routePort: number
  /** Such ports of all servers. */
  routePorts: readonly number[]
}

export interface NatsOptions {
  /** Folder of JetStream's streams. */
  dataDir: string
  port?: number | undefined
  /** Absent: a single server. */
  cluster?: NatsCluster | undefined
  binary?: string | undefined
  signal?: AbortSignal | undefined
}

const routeUrl = (port: number) => `nats://127.0.0.1:${port}`

// --no_advertise: clients use only the addresses that they are configured with.
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

// The server sends RPCs and messages to a client that vanished without closing until a PING times out, and these are
// lost. The default interval is two minutes.
const settings = 'ping_interval: "2s"\nping_max: 2\n'

const writeSettings = (dataDir: string): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'server.conf')
  writeFileSync(path, settings)
  return path
}

/**
 * Starts a private NATS server with JetStream on 127.0.0.1.
 * @throws Error with the tail of its log if it does not become ready
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
    // The server sends INFO first. It accepts connections shortly before JetStream has recovered its streams.
    isReady: async (port) => /^INFO .*"jetstream":true/.test(await exchangeLine(port)),
  })
