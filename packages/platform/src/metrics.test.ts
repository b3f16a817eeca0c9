import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@rekey/local-servers/ports'
import { startServiceProcess } from '@rekey/test-support/service-process'
import t, { type Test } from 'tap'

/** Starts a service that listens on every address. @returns a function that reads its metrics at an address, and its log */
const start = async (t: Test, env: Record<string, string>) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-metrics-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const key = () => randomBytes(32).toString('base64url')
  const [port, metricsPort, away] = await Promise.all([freePort(), freePort(), freePort()])
  await startServiceProcess(t, {
    name: 'notifier',
    dataDir,
    port,
    startedAt: '/healthz',
    env: {
      REKEY_PROFILE: 'sandbox',
      HOST: '0.0.0.0',
      NATS_URL: `nats://127.0.0.1:${away}`,
      SMTP_URL: `smtp://127.0.0.1:${away}`,
      REKEY_PUBLIC_URL: 'http://localhost:8080',
      REKEY_CODE_SEAL_KEY: key(),
      REKEY_ADDRESS_SEAL_KEY: key(),
      REKEY_METRICS_PORT: String(metricsPort),
      ...env,
    },
  })
  t.ok((await fetch(`http://127.0.0.2:${port}/healthz`)).ok)
  const metricsAt = (address: string) =>
    fetch(`http://${address}:${metricsPort}/metrics`).then(
      (response) => response.text(),
      () => 'no listener',
    )
  return { metricsAt, log: () => readFileSync(join(dataDir, 'server.log'), 'utf8') }
}

t.test('metrics are served on the loopback address only, whatever address the service listens on', async (t) => {
  const { metricsAt } = await start(t, {})
  t.match(await metricsAt('127.0.0.1'), 'process_cpu_seconds_total')
  t.equal(await metricsAt('127.0.0.2'), 'no listener')
})

t.test('metrics are served at REKEY_METRICS_HOST', async (t) => {
  const { metricsAt } = await start(t, { REKEY_METRICS_HOST: '127.0.0.2' })
  t.match(await metricsAt('127.0.0.2'), 'process_cpu_seconds_total')
  t.equal(await metricsAt('127.0.0.1'), 'no listener')
})

t.test('a busy metrics port does not stop a sandbox: the log says what to do', async (t) => {
  const other = createServer((_request, response) => response.end('of another program'))
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const { log } = await start(t, { REKEY_METRICS_PORT: String(port) })
  t.match(log(), `"event":"metrics_port_busy","port":${port}`)
  t.match(log(), 'set REKEY_METRICS_PORT to another one')
})
