import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

/** A TCP proxy between two parts that injects failures on demand. */
export interface Link {
  readonly port: number
  /** Number of connections accepted. */
  readonly accepted: number
  /** Sets the target ports: each new connection goes to the next one that accepts it. */
  leadTo(ports: readonly number[]): void
  /** Delays each chunk of data by so many ms from now on. */
  delay(ms: number): void
  /** Resets all connections, and every new one at once, as a restarting switch does. */
  reset(): void
  /** Holds all data back until the link is healed. No connection closes. */
  stall(): void
  /**
   * Drops all data of the connections that exist, and of those that are opened before the link is healed, for good. No
   * connection closes. A firewall that lost its state does this.
   */
  blackHole(): void
  /**
   * Drops packets. Data arrives when TCP sends it again after the link is healed, which may take as long as the fault
   * lasted; new connections hang until then.
   */
  drop(): void
  /** Ends the fault. Connections that lost data stay lost. */
  heal(): void
  close(): Promise<void>
}

interface Connection {
  sockets: Socket[]
  /** Its data is lost. */
  lost: boolean
}

const never = new Promise<never>(() => {})

/** Linux retransmits data after 200 ms, then after twice that, and so on up to two minutes (RFC 6298). */
const firstRetransmissionMs = 200
const mostRetransmissionMs = 120_000

/** Milliseconds from `elapsedMs` after the loss to the next retransmission. */
export const untilRetransmissionMs = (elapsedMs: number): number => {
  let [timeoutMs, atMs] = [firstRetransmissionMs, firstRetransmissionMs]
  while (atMs < elapsedMs) {
    timeoutMs = Math.min(2 * timeoutMs, mostRetransmissionMs)
    atMs += timeoutMs
  }
  return atMs - elapsedMs
}

const dial = (port: number) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    socket.once('connect', () => resolve(socket.off('error', reject)))
    socket.once('error', reject)
  })

/** Starts a link on a free port of 127.0.0.1, without targets yet. */
export const startLink = async (): Promise<Link> => {
  const connections = new Set<Connection>()
  let ports: readonly number[] = []
  let turn = 0
  let accepted = 0
  let delayMs = 0
  let state: 'open' | 'cut' | 'stalled' | 'lost' | 'dropping' = 'open'
  let healed = Promise.withResolvers<void>()

  /** Resolves when the data of a connection may pass. */
  const passage = async (connection: Connection) => {
    if (delayMs > 0) await delay(delayMs)
    const sentAt = performance.now()
    while (state === 'stalled' || state === 'dropping') {
      const isDropped = state === 'dropping'
      await healed.promise
      if (isDropped) await delay(untilRetransmissionMs(performance.now() - sentAt))
    }
    if (connection.lost) await never
  }

  const end = (connection: Connection) => {
    for (const socket of connection.sockets) socket.resetAndDestroy()
    connections.delete(connection)
  }

  const pour = (connection: Connection, from: Socket, to: Socket) => {
    const wait = (done: () => void) => void passage(connection).then(done)
    const pass = new Transform({
      transform: (chunk, _encoding, done) => wait(() => done(null, chunk)),
      flush: (done) => wait(() => done()),
    })
    from.pipe(pass).pipe(to)
    // The pipes pass on an orderly end, after the data before it.
    from.once('close', (failed) => (failed ? wait(() => end(connection)) : connection.lost || to.end()))
  }

  const findTarget = async () => {
    const first = turn++
    for (const index of ports.keys()) {
      try {
        return await dial(ports[(first + index) % ports.length] ?? 0)
      } catch {
        // Nothing listens there: try the next one.
      }
    }
  }

  const accept = async (client: Socket) => {
    accepted += 1
    client.on('error', () => {})
    client.setNoDelay()
    if (state === 'cut') return client.resetAndDestroy()
    const connection: Connection = { sockets: [client], lost: state === 'lost' }
    connections.add(connection)
    client.once('close', () => connection.sockets.every((socket) => socket.destroyed) && connections.delete(connection))
    await passage(connection)
    const target = await findTarget()
    if (!target || client.destroyed) {
      target?.destroy()
      return end(connection)
    }
    target.on('error', () => {})
    target.setNoDelay()
    connection.sockets.push(target)
    pour(connection, client, target)
    pour(connection, target, client)
  }

  const heal = () => {
    state = 'open'
    delayMs = 0
    healed.resolve()
    healed = Promise.withResolvers()
  }

  const server = createServer({ allowHalfOpen: true }, (client) => void accept(client))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted
    },
    leadTo(targets) {
      ports = targets
    },
    delay(ms) {
      delayMs = ms
    },
    reset() {
      state = 'cut'
      for (const connection of connections) if (!connection.lost) end(connection)
    },
    stall() {
      state = 'stalled'
    },
    blackHole() {
      state = 'lost'
      for (const connection of connections) connection.lost = true
    },
    drop() {
      state = 'dropping'
    },
    heal,
    async close() {
      heal()
      for (const connection of connections) end(connection)
      server.close()
      await once(server, 'close')
    },
  }
}
