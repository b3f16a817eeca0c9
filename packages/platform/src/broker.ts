import { setTimeout as delay } from 'node:timers/promises'
import { unavailable } from '@rekey/contracts'
import { Events, type NatsConnection } from 'nats'
import { Counter } from 'prom-client'
import type { BrokerAccess } from './broker-access.ts'
import { connectNats } from './broker-transport.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface Broker {
  /** @throws RekeyError unavailable while there is no connection: nothing is queued to be sent later. */
  connection(): NatsConnection
  /** Resolves once there is a connection; rejects when the broker is closed. */
  connected(): Promise<NatsConnection>
  /** Runs now if connected, and again after every new connection: the server may have lost what it held. Retried until it succeeds. */
  onConnect(work: (connection: NatsConnection) => Promise<void>): void
  /** Rejects while the broker is away, or what it needs to hold is not there yet. */
  check(): Promise<void>
  /** Sends what is buffered, for up to a second, then closes. */
  close(): Promise<void>
}

interface Options extends BrokerAccess {
  /** Also what replies to this service are addressed to: nobody else may listen there. */
  name: string
  log: Logger
  metrics: Metrics
}

const drainTimeoutMs = 1_000

/**
 * A connection to NATS that starts without the server being there and comes back by itself. A server that leaves two
 * PINGs unanswered, or a handshake for 2 s, is given up: its socket is closed (broker-transport.ts) and another opened.
 */
export const connectBroker = ({ url, name, log, metrics, ...access }: Options): Broker => {
  const disconnects = new Counter({
    name: 'rekey_broker_disconnects_total',
    help: 'Lost connections to the broker.',
    registers: [metrics],
  })
  let current: NatsConnection | undefined
  let online = false
  let closed = false
  let sessions = 0
  let unfinished = 0
  /** Why there was no connection the last time: told once. */
  let refusal = ''
  const works: ((connection: NatsConnection) => Promise<void>)[] = []
  const waiting = new Set<{ resolve: (connection: NatsConnection) => void; reject: (error: Error) => void }>()

  // A server that just started takes connections before JetStream answers, so a failed set-up is tried again.
  const run = async (work: (connection: NatsConnection) => Promise<void>, connection: NatsConnection) => {
    const session = sessions
    unfinished += 1
    while (online && !closed && session === sessions) {
      try {
        await work(connection)
        break
      } catch (err) {
        if (online && !closed) log.warn({ err }, 'broker: set-up failed, trying again')
      }
      await delay(500)
    }
    unfinished -= 1
  }
  const welcome = (connection: NatsConnection) => {
    online = true
    sessions += 1
    for (const work of works) void run(work, connection)
    for (const { resolve } of waiting) resolve(connection)
    waiting.clear()
  }
  const watch = async (connection: NatsConnection) => {
    for await (const status of connection.status()) {
      // The library reports a reconnect once for each handshake that failed on the way to it.
      if (status.type === Events.Disconnect && online) {
        online = false
        disconnects.inc()
        log.warn('broker is away')
      }
      if (status.type === Events.Reconnect && !online) {
        log.info('broker is back')
        welcome(connection)
      }
    }
  }
  const start = async () => {
    while (!closed) {
      try {
        current = await connectNats({
          ...access,
          servers: url.split(','),
          name,
          inboxPrefix: `_INBOX.${name}`,
          timeout: 2_000,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          reconnectJitter: 100,
          pingInterval: 2_000,
          maxPingOut: 2,
        })
        if (closed) return await current.close()
        refusal = ''
        void watch(current)
        welcome(current)
        // It reconnects by itself, but ends for good where the server refuses it: credentials being rotated, say.
        const err = await current.closed()
        online = false
        if (!closed) log.warn({ err }, 'broker ended the connection')
      } catch (err) {
        const reason = (err as Error).message
        if (reason !== refusal) log.warn({ err }, 'broker takes no connection yet')
        refusal = reason
      }
      if (!closed) await delay(200)
    }
  }
  void start()

  return {
    connection() {
      if (!current || !online || closed) throw unavailable(new Error('no connection to the broker'))
      return current
    },
    connected: () =>
      current && online && !closed
        ? Promise.resolve(current)
        : new Promise((resolve, reject) => {
            if (closed) return reject(new Error('broker closed'))
            waiting.add({ resolve, reject })
          }),
    onConnect(work) {
      works.push(work)
      if (current && online) void run(work, current)
    },
    async check() {
      if (unfinished > 0) throw new Error('the broker is being set up')
      await this.connection().flush()
    },
    async close() {
      closed = true
      for (const { reject } of waiting) reject(new Error('broker closed'))
      waiting.clear()
      // Draining needs the server's answer; a server that is away or stalled gives none.
      if (current && online) {
        await Promise.race([current.drain().catch(() => {}), delay(drainTimeoutMs, undefined, { ref: false })])
      }
      await current?.close()
    },
  }
}
