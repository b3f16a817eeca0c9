import { ask } from './ask.ts'
import { findOnPath } from './command.ts'
import { launch } from './launch.ts'
import { type RunningServer, startServer } from './server.ts'

export interface NatsOptions {
  /** Where JetStream keeps its streams. */
  dataDir: string
  port?: number | undefined
  binary?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Starts a private NATS server with JetStream on 127.0.0.1.
 * @throws Error with the tail of its log when it does not become ready.
 */
export const startNats = ({
  dataDir,
  port,
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
      launch(binary, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dataDir], { stopSignal: 'SIGTERM' }),
    // The server introduces itself; it takes connections a moment before JetStream has recovered its streams.
    isReady: async (port) => /^INFO .*"jetstream":true/.test(await ask(port)),
  })
