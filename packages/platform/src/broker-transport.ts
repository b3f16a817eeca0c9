import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { ConnectionOptions, NatsConnection } from 'nats'
import { NatsConnectionImpl, setTransportFactory } from 'nats/lib/nats-base-client/internal_mod.js'
import { NodeTransport, nodeResolveHost } from 'nats/lib/src/node_transport.js'

/**
 * The library's TCP transport, which closes its socket whenever the library gives the connection up. As it comes
 * (nats 2.29.3) it does not in two cases:
 *
 * - Handshake timeout: `close()` ignores a transport that is not connected yet. The socket stays open, completes its
 *   handshake once the server answers again, and is closed by the server for want of a PONG. The library takes that for
 *   the end of its current connection and opens another beside it: one disconnect each 6 s until the process ends.
 * - Stale connection: `disconnect()` first waits until the server has read what is buffered. Where the send buffer is
 *   full, a server that stands still is not left for another.
 *
 * `setTransportFactory` is the library's interface for transports (its Deno and WebSocket clients use it), `connect` of
 * `nats` only sets the factory before it connects. The v3 packages (`@nats-io/transport-node` 3.4.0) close the first
 * socket but keep the second fault, so they would need the same class.
 */
class ClosingTransport extends NodeTransport {
  readonly #givenUp = new AbortController()

  override async dial({ hostname, port }: { hostname: string; port: number }): Promise<Socket> {
    const socket = createConnection({ host: hostname, port, noDelay: true, signal: this.#givenUp.signal })
    await once(socket, 'connect')
    return socket
  }

  override async close(err?: Error): Promise<void> {
    await super.close(err)
    this.#givenUp.abort()
  }

  override disconnect(): void {
    void this.close()
  }
}

/**
 * `connect` of `nats` with the transport above. The factory is one for the whole process and is asked at each
 * reconnect: a call of the library's own `connect` in a service would bring the faults back.
 */
export const connectNats = (options: ConnectionOptions): Promise<NatsConnection> => {
  setTransportFactory({ factory: () => new ClosingTransport(), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}
