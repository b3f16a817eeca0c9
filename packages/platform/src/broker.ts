import { setTimeout as delay } from 'node:timers/promises'
import { unavailable } from '@rekey/contracts'
import { Events, type NatsConnection } from 'nats'
import type { BrokerAccess } from './broker-access.ts'
import { connectNats } from './broker-transport.ts'
import type { Logger } from './logger.ts'
import { counter, type Metrics } from './metrics.ts'
import { pause, retry } from './retry.ts'

type SetUp = (connection: NatsConnection) => Promise<void>

export interface Broker {
  /** @throws RekeyError unavailable while there is no connection: nothing is queued to be sent later. */
  connection(): NatsConnection
  /** Number of connections so far. A server that was reached again may have lost what it acknowledged before. */
  generation(): number
  /** Resolves once there is a connection; rejects when the broker is closed. */
  connected(): Promise<NatsConnection>
  /** Runs now if connected, and after every new connection: the server may have lost its state. Retried until it succeeds. */
  onConnect(setUp: SetUp): void
  /** Rejects while there is no connection or a set-up has not succeeded. */
  check(): Promise<void>
  /** Sends what is buffered, for up to a second, then closes. */
  close(): Promise<void>
}

interface Options extends BrokerAccess {
  /** Also the prefix of the inboxes for replies: the broker lets only this user subscribe to them. */
  name: string
  log: Logger
  metrics: Metrics
}

const drainTimeoutMs = 1_000
const reconnectMs = 200
const setUpRetryMs = 500

/**
 * A connection to NATS that does not need the server at its start and reconnects by itself. It gives up a server that
 * leaves two PINGs or, for 2 s, a handshake unanswered: it closes the socket (broker-transport.ts) and opens another.
 *
 * The library's `waitOnFirstConnect` and `ignoreAuthErrorAbort` (nats 2.29.3) do not replace the loop in `start`:
 * - `waitOnFirstConnect` hides why an attempt failed, so that a service that the broker refuses logs nothing; and such a
 *   `connect` cannot be cancelled, so that `close()` leaves it dialling.
 * - `ignoreAuthErrorAbort` does not apply if the authenticator throws, as with an unreadable credentials file: the library
 *   then closes the connection for good.
 */
export const connectBroker = ({ url, name, log, metrics, ...access }: Options): Broker => {
  const disconnects = counter(metrics, {
    name: 'rekey_broker_disconnects_total',
    help: 'Lost connections to NATS. A steady increase means that a broker, load balancer or network leaves PINGs unanswered',
  })
  const closed = new AbortController()
  let current: NatsConnection | undefined
  /** Aborted when the current connection is lost; undefined while there is none. */
  let session: AbortController | undefined
  let pendingSetUps = 0
  let generation = 0
  /** Why the last attempt to connect failed: the same reason is logged once. */
  let failure = ''
  const setUps: SetUp[] = []
  const waiting = new Set<{ resolve: (connection: NatsConnection) => void; reject: (error: Error) => void }>()

  const online = () => (session && !closed.signal.aborted ? current : undefined)

  // A server that has just started accepts connections before JetStream answers: a failed set-up is retried.
  const run = async (setUp: SetUp, connection: NatsConnection, { signal }: AbortController) => {
    pendingSetUps += 1
    await retry(() => setUp(connection), {
      pausesMs: [setUpRetryMs],
      signal: AbortSignal.any([signal, closed.signal]),
      onFailure: (err) => log.event('broker_setup_failed', { err }),
    })
    pendingSetUps -= 1
  }
  const begin = (connection: NatsConnection) => {
    session = new AbortController()
    generation += 1
    for (const setUp of setUps) void run(setUp, connection, session)
    for (const { resolve } of waiting) resolve(connection)
    waiting.clear()
  }
  const end = () => {
    session?.abort()
    session = undefined
  }
  const watch = async (connection: NatsConnection) => {
    for await (const status of connection.status()) {
      // The library reports Reconnect once for each handshake that failed before it.
      if (status.type === Events.Disconnect && session) {
        end()
        disconnects.inc()
        log.event('broker_unavailable', {})
      }
      if (status.type === Events.Reconnect && !session) {
        log.event('broker_available', {})
        begin(connection)
      }
    }
  }
  const connect = () =>
    connectNats({
      ...access,
      servers: url.split(','),
      name,
      inboxPrefix: `_INBOX.${name}`,
      timeout: 2_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectMs,
      reconnectJitter: 100,
      // Otherwise each publish creates two errors, with their stacks, in case it fails.
      noAsyncTraces: true,
      pingInterval: 2_000,
      maxPingOut: 2,
    })
  const logFailure = (err: unknown) => {
    const reason = (err as Error).message
    if (reason !== failure) log.event('broker_not_connected', { err })
    failure = reason
  }
  const start = async () => {
    while (!closed.signal.aborted) {
      current = await retry(connect, { pausesMs: [reconnectMs], signal: closed.signal, onFailure: logFailure })
      if (!current) return
      if (closed.signal.aborted) return current.close()
      failure = ''
      void watch(current)
      begin(current)
      // The library ends a connection for good if the server refuses the credentials, for example while they rotate.
      const err = await current.closed()
      end()
      if (!closed.signal.aborted) log.event('broker_connection_ended', { err })
      await pause(reconnectMs, closed.signal)
    }
  }
  void start()

  return {
    connection() {
      const connection = online()
      if (!connection) throw unavailable(new Error('no connection to the broker'))
      return connection
    },
    generation: () => generation,
    async connected() {
      const connection = online()
      if (connection) return connection
      if (closed.signal.aborted) throw new Error('broker closed')
      return new Promise((resolve, reject) => waiting.add({ resolve, reject }))
    },
    onConnect(setUp) {
      setUps.push(setUp)
      if (current && session) void run(setUp, current, session)
    },
    async check() {
      if (pendingSetUps > 0) throw new Error('the broker is being set up')
      await this.connection().flush()
    },
    async close() {
      const connection = online()
      closed.abort()
      for (const { reject } of waiting) reject(new Error('broker closed'))
      waiting.clear()
      // Draining needs an answer of the server, which may be stalled.
      if (connection) {
        await Promise.race([connection.drain().catch(() => {}), delay(drainTimeoutMs, undefined, { ref: false })])
      }
      await current?.close()
    },
  }
}
