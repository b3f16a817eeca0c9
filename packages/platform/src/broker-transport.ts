import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { ConnectionOptions, NatsConnection } from 'nats'
import { NatsConnectionImpl, setTransportFactory } from 'nats/lib/nats-base-client/internal_mod.js'
import { NodeTransport, nodeResolveHost } from 'nats/lib/src/node_transport.js'
import { batchWrites } from './batched-writes.ts'
import { decodeHeadersOnce } from './received-headers.ts'

/**
 * The library's TCP transport, changed to close its socket whenever the library abandons the connection. The original
 * (nats 2.29.3) leaves the socket open in two cases:
 *
 * - Handshake timeout: `close()` ignores a transport that is not connected yet. The socket completes its handshake when
 *   the server answers again, and the server closes it because no PONG comes. The library takes that for the end of its
 *   current connection and opens another: one disconnect every 6 s until the process ends.
 * - Stale connection: `disconnect()` waits until the server has read what is buffered. With a full send buffer, the
 *   library stays with a server that has stalled.
 *
 * `setTransportFactory` is the library's interface for transports (its Deno and WebSocket clients use it); `connect` of
 * `nats` only sets the factory before it connects. The v3 packages (`@nats-io/transport-node` 3.4.0) close the socket in
 * the first case but not in the second, so they would need the same class.
 */
class ClosingTransport extends NodeTransport {
  readonly #abandoned = new AbortController()

  override async dial({ hostname, port }: { hostname: string; port: number }): Promise<Socket> {
    const socket = createConnection({ host: hostname, port, noDelay: true, signal: this.#abandoned.signal })
    await once(socket, 'connect')
    batchWrites(socket)
    return socket
  }

  override async close(err?: Error): Promise<void> {
    await super.close(err)
    this.#abandoned.abort()
  }

  override disconnect(): void {
    void this.close()
  }
}

/**
 * `connect` of `nats` with the transport above. The factory is global and used at each reconnect: one call of the
 * library's own `connect` would bring the original transport back.
 */
export const connectNats = (options: ConnectionOptions): Promise<NatsConnection> => {
  decodeHeadersOnce()
  setTransportFactory({ factory: () => new ClosingTransport(), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}
