import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { DebugEvents } from 'nats'
import t from 'tap'
import { keepLogs, startBroker } from './broker.fixture.ts'
import { connectBroker } from './broker.ts'
import { createMetrics } from './metrics.ts'

// Each test waits for several timeouts of two seconds, so all run at once.
t.setTimeout(120_000)
t.jobs = 8
const beside = { buffered: true }

/** A server that sends only what `greet` sends. */
const startHalfServer = async (t: Teardown, greet: (socket: Socket) => void) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    greet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { sockets, url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const infoLine = (fields: object) =>
  `INFO ${JSON.stringify({ server_id: 'x', version: '2.11.0', max_payload: 1_048_576, headers: true, ...fields })}\r\n`

const connectTo = (t: Teardown, url: string, access: object = {}) => {
  const broker = connectBroker({ url, ...access, name: 'test', log: keepLogs(t).log, metrics: createMetrics() })
  t.teardown(() => broker.close())
  return broker
}

for (const [stage, greet, access] of [
  ['greeting', (socket: Socket) => void socket.resume(), {}],
  ['TLS handshake', (socket: Socket) => void socket.resume().write(infoLine({ tls_required: true })), { tls: {} }],
  ['first PONG', (socket: Socket) => void socket.resume().write(infoLine({})), {}],
] as const) {
  t.test(`a socket whose ${stage} timed out is closed before the next is opened`, beside, async (t) => {
    const { sockets, url } = await startHalfServer(t, greet)
    connectTo(t, url, access)
    await eventually(() => sockets.length >= 3, { timeoutMs: 60_000, what: 'three attempts' })
    await eventually(() => sockets.slice(0, 2).every((socket) => socket.destroyed), { what: 'two closed sockets' })
  })
}

t.test('a broker that stops reading is left for a new connection even if the send buffer is full', async (t) => {
  const { sockets, url } = await startHalfServer(t, (socket) => {
    socket.write(infoLine({}))
    // CONNECT and PING arrive together; nothing is read after them.
    socket.once('data', () => socket.pause().write('PONG\r\n'))
  })
  const broker = connectTo(t, url)
  const connection = await broker.connected()
  const piece = new Uint8Array(1_000_000)
  for (let count = 0; count < 50; count += 1) connection.publish('test', piece)
  await eventually(() => sockets.length >= 2, { timeoutMs: 60_000, what: 'another connection' })
})

t.test('closing ends a handshake in progress', beside, async (t) => {
  const { sockets, url } = await startHalfServer(t, (socket) => {
    if (sockets.length === 1) {
      socket.write(infoLine({}))
      socket.once('data', () => socket.end('PONG\r\n'))
    } else socket.resume()
  })
  const broker = connectTo(t, url)
  await broker.connected()
  await eventually(() => sockets.length === 2, { what: 'a second handshake' })
  const started = performance.now()
  await broker.close()
  await eventually(() => sockets.every((socket) => socket.destroyed), { what: 'no open socket' })
  t.ok(performance.now() - started < 2_000, 'before the handshake would have timed out')
})

const disconnectsOf = async ({ metrics }: Awaited<ReturnType<typeof startBroker>>) =>
  (await metrics.getSingleMetric('rekey_broker_disconnects_total')?.get())?.values[0]?.value

for (const [length, until, disconnects] of [
  ['shorter than two PINGs', [DebugEvents.PingTimer], 0],
  ['longer than a handshake', [DebugEvents.StaleConnection, DebugEvents.Reconnecting, DebugEvents.Reconnecting], 1],
] as const) {
  t.test(`a broker that was paused for ${length} keeps its connections afterwards`, beside, async (t) => {
    const parts = await startBroker(t)
    const statuses = parts.broker.connection().status()[Symbol.asyncIterator]()
    const next = async (type: string) => {
      for (;;) {
        const { value } = await statuses.next()
        if (value.type === type) return
      }
    }
    parts.nats.pause()
    t.teardown(() => parts.nats.resume())
    for (const type of until) await next(type)
    parts.nats.resume()
    await eventually(() => parts.broker.check().then(() => true))
    t.equal(await disconnectsOf(parts), disconnects)
    // The server closes an abandoned connection three PINGs after it resumes.
    for (let pings = 0; pings < 5; pings += 1) await next(DebugEvents.PingTimer)
    t.equal(await disconnectsOf(parts), disconnects)
  })
}
