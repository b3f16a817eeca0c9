import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreamName } from '@rekey/contracts'
import { findOnPath } from '@rekey/local-servers/command'
import { exchangeLine } from '@rekey/local-servers/exchange-line'
import { launch } from '@rekey/local-servers/launch'
import { startNats } from '@rekey/local-servers/nats'
import { startServer } from '@rekey/local-servers/server'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { declaredLines } from '@rekey/test-support/log-lines'
import { restartable } from '@rekey/test-support/restartable'
import { connectBroker } from './broker.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import { createPublisher } from './publisher.ts'
import { systemRandom } from './random.ts'
import { ensureStreams } from './streams.ts'

/** A logger, and the lines that it wrote. */
export const keepLogs = (t: Teardown) => {
  const lines: string[] = []
  const destination = declaredLines(t, (line) => void lines.push(line))
  return { log: createLogger({ name: 'test', level: 'debug', destination }), logs: () => lines.join('') }
}

/** A real broker with this configuration, for example with permissions. */
export const startConfiguredNats = async (t: Teardown, dataDir: string, configuration: string) => {
  const path = join(dataDir, 'nats.conf')
  writeFileSync(path, configuration)
  const server = await startServer({
    name: 'NATS',
    dataDir,
    stopSignal: 'SIGTERM',
    url: (port) => `nats://127.0.0.1:${port}`,
    launch: (port) =>
      launch(findOnPath('nats-server') ?? 'nats-server', ['-c', path, '-a', '127.0.0.1', '-p', String(port)], {
        stopSignal: 'SIGTERM',
      }),
    isReady: async (port) => (await exchangeLine(port)).startsWith('INFO'),
  })
  t.teardown(() => server.stop())
  return server
}

/** A real broker that can be killed and restarted, and a service's connection to it. */
export const startBroker = async (
  t: Teardown,
  names: StreamName[] = ['AUTH', 'NOTIFY'],
  { elapsedMs = () => performance.now() }: { elapsedMs?: () => number } = {},
) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-platform-'))
  const forget = () => rmSync(dataDir, { recursive: true, force: true })
  t.teardown(forget)
  const nats = await restartable((port) => startNats({ dataDir, port }))
  t.teardown(() => nats.stop())
  const { log, logs } = keepLogs(t)
  const metrics = createMetrics()
  const broker = connectBroker({ url: nats.url, name: 'test', log, metrics })
  t.teardown(() => broker.close())
  ensureStreams(broker, names, { REKEY_PROFILE: 'sandbox', REKEY_STREAM_REPLICAS: 1 })
  const publisher = createPublisher({ broker, source: 'test', now: () => new Date(), random: systemRandom })
  await broker.connected()
  const progress = createProgress({ elapsedMs, metrics })
  return {
    nats,
    /** Deletes the server's data; call while it is not running. */
    forget,
    broker,
    publisher,
    logs,
    progress,
    metrics,
    deps: {
      broker,
      metrics,
      progress,
      now: () => new Date(),
      random: systemRandom,
      log,
      service: 'test',
      retryMs: 3_600_000,
    },
  }
}

/** A real broker whose one user may not publish some subjects, and a connection of that user. */
export const startStrictBroker = async (t: Teardown, denied: string[]) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-platform-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const deny = denied.map((subject) => `"${subject}"`).join()
  const server = await startConfiguredNats(
    t,
    dataDir,
    `jetstream { store_dir: "${dataDir}" }
    authorization { users: [{ user: service, password: secret, permissions: { publish: { deny: [${deny}] } } }] }`,
  )
  const broker = connectBroker({
    url: server.url,
    user: 'service',
    pass: 'secret',
    name: 'test',
    log: keepLogs(t).log,
    metrics: createMetrics(),
  })
  t.teardown(() => broker.close())
  ensureStreams(broker, ['AUTH'], { REKEY_PROFILE: 'sandbox', REKEY_STREAM_REPLICAS: 1 })
  await broker.connected()
  await eventually(() => broker.check().then(() => true), { what: 'the streams' })
  return { broker, publisher: createPublisher({ broker, source: 'test', now: () => new Date(), random: systemRandom }) }
}
