import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { StreamName } from '@rekey/contracts'
import { startNats } from '@rekey/stack/nats'
import type { Teardown } from '@rekey/testing/infrastructure'
import { restartable } from '@rekey/testing/restartable'
import { connectBroker } from './broker.ts'
import { createLogger } from './logger.ts'
import { createPublisher } from './publisher.ts'
import { systemRandom } from './random.ts'
import { ensureStreams } from './streams.ts'

/** A logger whose lines can be read. */
export const keepLogs = () => {
  const lines: string[] = []
  const destination = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    },
  })
  return { log: createLogger({ name: 'test', level: 'debug', destination }), logs: () => lines.join('') }
}

/** A real broker that can be taken away, and a service's connection to it. */
export const startBroker = async (t: Teardown, names: StreamName[] = ['AUTH', 'NOTIFY']) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-platform-'))
  const forget = () => rmSync(dataDir, { recursive: true, force: true })
  t.teardown(forget)
  const nats = await restartable((port) => startNats({ dataDir, port }))
  t.teardown(() => nats.stop())
  const { log, logs } = keepLogs()
  const broker = connectBroker({ url: nats.url, name: 'test', log })
  t.teardown(() => broker.close())
  ensureStreams(broker, names, { REKEY_PROFILE: 'sandbox', REKEY_STREAM_REPLICAS: 1 })
  const publisher = createPublisher({ broker, source: 'test', now: () => new Date(), random: systemRandom })
  await broker.connected()
  return {
    nats,
    /** Deletes what the server keeps, while it is not running. */
    forget,
    broker,
    publisher,
    logs,
    deps: { broker, log, random: systemRandom, service: 'test' },
  }
}
