import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { type Test, test } from 'tap'
import { type NatsOptions, startNats } from './nats.ts'

const start = async (t: Test, options: NatsOptions) => {
  const server = await startNats(options)
  t.teardown(() => server.stop())
  return server
}

test('JetStream keeps acknowledged messages over SIGKILL and a restart', async (t) => {
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
