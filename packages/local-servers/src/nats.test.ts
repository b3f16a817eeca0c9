import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { type Test, test } from 'tap'
import { type NatsOptions, startNats } from './nats.ts'
import { freePort } from './ports.ts'
import { waitUntil } from './wait-until.ts'

const start = async (t: Test, options: NatsOptions) => {
  const server = await startNats(options)
  t.teardown(() => server.stop())
  return server
}

test('JetStream keeps acknowledged messages after SIGKILL and a restart', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-nats-test-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const first = await start(t, { dataDir })
  const before = await connect({ servers: first.url, reconnect: false })
  const manager = await before.jetstreamManager()
  await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] })
  await before.jetstream().publish('kept.one', 'yes')
  process.kill(first.pid, 'SIGKILL')
  await first.exited
  await before.closed()

  const second = await start(t, { dataDir, port: first.port })
  t.equal(second.url, first.url)
  const after = await connect({ servers: second.url })
  t.teardown(() => after.close())
  const { state } = await (await after.jetstreamManager()).streams.info('KEPT')
  t.equal(state.messages, 1)
})

test('a client that stops answering is disconnected within seconds', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-nats-test-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const { port } = await start(t, { dataDir })
  const socket = connectSocket({ host: '127.0.0.1', port })
  t.teardown(() => socket.destroy())
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write('CONNECT {"verbose":false}\r\nSUB requests 1\r\nPING\r\n')
  await waitUntil(() => received.includes('PONG'), { what: 'the connection', timeoutMs: 5_000 })
  await waitUntil(() => received.includes('Stale Connection'), { what: 'the disconnect', timeoutMs: 15_000 })
})

test('a cluster of three servers keeps acknowledged messages when a leader is killed', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-nats-test-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const names = ['a', 'b', 'c']
  const routePorts = await Promise.all(names.map(freePort))
  const servers = await Promise.all(
    names.map((serverName, index) =>
      start(t, {
        dataDir: join(dataDir, serverName),
        cluster: { serverName, routePort: routePorts[index] ?? 0, routePorts },
      }),
    ),
  )
  const connection = await connect({ servers: servers.map(({ url }) => url) })
  t.teardown(() => connection.close())
  const patience = { timeoutMs: 40_000 }
  const manager = await waitUntil(() => connection.jetstreamManager(), { ...patience, what: 'JetStream' })
  await waitUntil(() => manager.streams.add({ name: 'KEPT', subjects: ['kept.>'], num_replicas: 3 }), {
    ...patience,
    what: 'a stream with three replicas',
  })
  await connection.jetstream().publish('kept.one', 'yes')
  const { cluster } = await manager.streams.info('KEPT')
  const leader = servers[names.indexOf(cluster?.leader ?? '')]
  t.ok(leader)
  process.kill(leader?.pid ?? 0, 'SIGKILL')
  const message = await waitUntil(() => manager.streams.getMessage('KEPT', { seq: 1 }), {
    ...patience,
    what: 'the message from another leader',
  })
  t.equal(message.string(), 'yes')
})
