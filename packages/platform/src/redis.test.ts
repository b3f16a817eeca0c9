import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { findOnPath } from '@rekey/local-servers/command'
import { launch } from '@rekey/local-servers/launch'
import { freePort } from '@rekey/local-servers/ports'
import { startServer } from '@rekey/local-servers/server'
import { writeCertificate } from '@rekey/test-support/certificate'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { startLink } from '@rekey/test-support/link'
import { Redis } from 'ioredis'
import t from 'tap'
import { createLogger } from './logger.ts'
import { connectRedis } from './redis.ts'

const log = createLogger({ name: 'test', level: 'silent' })

t.test('a connection whose peer vanished is replaced as soon as a command is unanswered', async (t) => {
  const { redis } = await startInfrastructure(t, { redis: true })
  const link = await startLink()
  t.teardown(() => link.close())
  const url = new URL(redis.url)
  link.leadTo([Number(url.port)])
  url.port = String(link.port)
  const connection = connectRedis({
    url: url.href,
    cluster: false,
    log,
  })
  t.teardown(() => connection.disconnect())
  await eventually(() => connection.ping(), { what: 'the connection' })

  link.blackHole()
  link.heal()
  await t.rejects(connection.ping())
  await eventually(() => connection.ping(), { what: 'another connection', timeoutMs: 5_000 })
})

t.test('the nodes of a cluster are connected by the names of their certificates', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-redis-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const { certFile, keyFile } = await writeCertificate(dataDir, { byNameAlone: true })
  const ca = readFileSync(certFile, 'utf8')
  setDefaultCACertificates([...getCACertificates(), ca])

  const settings = [
    ...['--port', '0', '--bind', '127.0.0.1', '--dir', dataDir, '--save', ''],
    ...['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())],
    ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile],
    ...['--tls-auth-clients', 'no', '--tls-cluster', 'yes'],
    ...['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname'],
  ]
  const node = await startServer({
    name: 'Redis',
    dataDir,
    stopSignal: 'SIGTERM',
    url: (port) => `rediss://localhost:${port}`,
    launch: (port) =>
      launch(findOnPath('redis-server') ?? 'redis-server', [...settings, '--tls-port', String(port)], {
        stopSignal: 'SIGTERM',
      }),
    async isReady(port) {
      const node = new Redis({ host: 'localhost', port, tls: { ca }, maxRetriesPerRequest: 0 })
      node.on('error', () => {})
      try {
        return (await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')) === 'OK'
      } finally {
        node.disconnect()
      }
    },
  })
  t.teardown(() => node.stop())
  const cluster = connectRedis({ url: node.url, cluster: true, log })
  t.teardown(() => cluster.disconnect())
  await eventually(() => cluster.set('a', 'b'), { what: 'the cluster' })
  t.equal(await cluster.get('a'), 'b')
})
